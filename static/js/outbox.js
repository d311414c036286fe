/* What one has written and the server has not yet acknowledged: sent in order, one at a time, kept over a
   reload.

   A repeated POST bears the same client id, so however often it is tried, it is said once. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var LONGEST_DELAY_MS = 30000;
  var RETRIED = { 0: 1, 408: 1, 429: 1, 502: 1, 503: 1, 504: 1 };

  var entries = Chat.kept('outbox') || [];  // {clientId, room, body, at, isFailed, reason}
  var isSending = false;
  var failures = 0;
  var timer = null;
  var notBefore = 0;  // the server asked to wait until then

  function newClientId() {
    var id = '';
    try {
      Chat.each(root.crypto.getRandomValues(new root.Uint8Array(16)), function (octet) {
        id += (octet % 36).toString(36);
      });
    } catch (old) {
      id = Math.random().toString(36).slice(2, 12) + Math.random().toString(36).slice(2, 12);
    }
    return id + Date.now().toString(36);
  }

  /* What one does with it */

  function add(body) {
    var entry = { clientId: newClientId(), room: Chat.room, body: body, at: Date.now(), isFailed: false };
    entry.reason = '';
    entries.push(entry);
    changed();
    Chat.emit('written', entry);
    send();
  }

  function retry(clientId) {
    var entry = find(clientId);
    if (!entry) { return; }
    entry.isFailed = false;
    changed();
    hurry();
  }

  function discard(clientId) {
    entries = entries.filter(function (entry) { return entry.clientId !== clientId; });
    changed();
  }

  function find(clientId) {
    return entries.filter(function (entry) { return entry.clientId === clientId; })[0];
  }

  function changed() {
    Chat.keep('outbox', entries.length ? entries : null);
    Chat.emit('outbox');
  }

  /* Sending: the oldest that has not failed; the next when it is answered. */

  function nextEntry() {
    return entries.filter(function (entry) { return !entry.isFailed; })[0];
  }

  function send() {
    var entry = nextEntry();
    if (isSending || !entry || timer) { return; }
    isSending = true;
    var fields = { body: entry.body, client_id: entry.clientId };
    Chat.net.post(Chat.url('messages', entry.room), fields, Chat.guard(function (answer) {
      isSending = false;
      conclude(entry, answer);
      send();
    }));
  }

  function conclude(entry, answer) {
    if (answer.isOk && answer.json) {
      failures = 0;
      settle(entry, answer.json);
    } else if (find(entry.clientId)) {
      if (answer.retryAfterMs) { obey(answer.retryAfterMs); }
      else if (RETRIED[answer.status] || answer.isOk) { backOff(); }
      else { refuse(entry, answer); }
    }
  }

  function backOff() {
    var spanMs = Math.min(LONGEST_DELAY_MS, 1000 * Math.pow(2, failures));
    failures += 1;
    timer = Chat.later(hurry, 300 + Math.random() * spanMs);
    Chat.emit('outbox');
  }

  /* What was too fast, or came to a busy server, is sent when it may be, whatever else happens before. */
  function obey(delayMs) {
    notBefore = Date.now() + delayMs;
    timer = Chat.later(hurry, delayMs);
    Chat.emit('outbox');
  }

  function hurry() {
    root.clearTimeout(timer);
    timer = null;
    var leftMs = notBefore - Date.now();
    if (leftMs > 0) { timer = Chat.later(hurry, leftMs); }
    else { send(); }
  }

  function refuse(entry, answer) {
    entry.isFailed = true;
    entry.reason = Chat.net.reason(answer);
    changed();
  }

  /* Settled by whichever comes first, the answer or the event; the other finds nothing left to do. */
  function settle(entry, message) {
    if (!find(entry.clientId)) { return; }
    discard(entry.clientId);
    Chat.emit('settled', entry, message);
  }

  Chat.outbox = {
    add: add, retry: retry, discard: discard, find: find,
    all: function () { return entries; },
    waiting: function () { return entries.filter(function (entry) { return !entry.isFailed; }).length; },
    isHeldUp: function () { return failures > 0; },
    secondsLeft: function () {
      return nextEntry() ? Math.max(0, Math.ceil((notBefore - Date.now()) / 1000)) : 0;
    }
  };

  Chat.on('message', function (message) {
    var entry = message.client_id && find(message.client_id);
    if (entry && Chat.me && String(message.author.id) === Chat.me.id) { settle(entry, message); }
  });

  Chat.on('state', function (name) {
    if (name === 'live' || name === 'checking') { hurry(); }
  });

  Chat.start(function () {
    Chat.listen(root, 'online', hurry);
    send();
  });

}(window.Chat, window));
