/* What the answer to a poll means.

   'news': an answer of the chat. For good: 'signed-out', 'banned', 'no-room', by the chat's own error code and not
   by the status alone, since firewalls and captive portals send 403, too. 'busy': the server has trouble and says so.
   'scarce': the host's limit of concurrent requests (CloudLinux sends 508). 'nothing': no answer. 'other': something
   else answered in the chat's place: a captive portal, a firewall, an error page. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var BUSY = { 429: 1, 502: 1, 503: 1, 504: 1 };

  function isNews(answer) {
    var json = answer.isOk && answer.json;
    return Boolean(json && json.events && json.events.length >= 0 && json.cursor >= 0);
  }

  function ofError(answer, code) {
    if (code === 'banned') { return 'banned'; }
    if (answer.status === 401) { return 'signed-out'; }
    return answer.status === 403 || answer.status === 404 ? 'no-room' : 'busy';
  }

  Chat.verdict = function (answer) {
    var code = answer.error && answer.error.code;
    if (isNews(answer)) { return 'news'; }
    if (typeof code === 'string') { return ofError(answer, code); }
    if (!answer.status) { return 'nothing'; }
    if (answer.status === 508) { return 'scarce'; }
    return BUSY[answer.status] ? 'busy' : 'other';
  };

  /* Whether this is /session's answer, and names somebody other than `me`, or nobody. */
  Chat.isAnother = function (answer, me) {
    var json = answer.isOk && answer.json;
    if (!json || json.user === undefined || !(json.cursor >= 0)) { return false; }
    return !json.user || String(json.user.id) !== me;
  };

}(this.Chat));
