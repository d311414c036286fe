/* Requests: forms out, JSON in. A stale CSRF token is renewed unnoticed, so that a page left open for
   days posts. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var TIMEOUT_MS = 20000;
  var LONGEST_WAIT_MS = 86400000;  // what a timer can count
  var FORM = 'application/x-www-form-urlencoded; charset=UTF-8';

  function encode(fields) {
    var pairs = [];
    for (var name in fields) {
      if (Object.prototype.hasOwnProperty.call(fields, name)) {
        pairs.push(encodeURIComponent(name) + '=' + encodeURIComponent(fields[name]));
      }
    }
    return pairs.join('&');
  }

  function withQuery(url, fields) {
    var query = encode(fields || {});
    return query ? url + (url.indexOf('?') < 0 ? '?' : '&') + query : url;
  }

  /* An answer: status (0: none came), json or null, code and words of an error, how long to wait. */

  function read(request) {
    var answer = { status: 0, json: null, error: null, retryAfterMs: 0 };
    try {
      answer.status = request.status;
      answer.retryAfterMs = waitIn(request.getResponseHeader('Retry-After') || '');
      answer.json = JSON.parse(request.responseText);
      answer.error = answer.json.error || null;
    } catch (notJson) { }
    answer.isOk = answer.status >= 200 && answer.status < 300;
    return answer;
  }

  /* Seconds, or as proxies have it a date. */
  function waitIn(text) {
    var delayMs = /^\d+$/.test(text) ? 1000 * text : Date.parse(text) - Date.now();
    return Math.max(0, Math.min(delayMs || 0, LONGEST_WAIT_MS));
  }

  function send(method, url, fields, done, timeoutMs) {
    var request = new root.XMLHttpRequest();
    request.open(method, url, true);
    request.timeout = timeoutMs || TIMEOUT_MS;
    request.setRequestHeader('Accept', 'application/json');
    if (method === 'POST') {
      request.setRequestHeader('Content-Type', FORM);
      request.setRequestHeader('X-CSRF-Token', token());
    }
    request.onreadystatechange = Chat.guard(function () {
      if (request.readyState !== 4) { return; }
      request.onreadystatechange = null;
      done(read(request));
    });
    request.send(fields ? encode(fields) : null);
    return request;
  }

  function get(url, fields, done, timeoutMs) {
    return send('GET', withQuery(url, fields), null, done, timeoutMs);
  }

  /* A token that the server no longer knows is replaced once, and the POST repeated; but not when somebody else
     has signed in meanwhile, for whom this page must not speak. */

  function token() {
    return document.querySelector('meta[name="csrf-token"]').getAttribute('content');
  }

  function renewToken(done) {
    get(Chat.url('session'), null, function (answer) {
      var fresh = answer.isOk && answer.json && answer.json.csrf_token;
      if (fresh && isAnother(answer.json.user)) {
        Chat.emit('another');
        return done(false, { status: 401, error: { code: 'sign_in', message: Chat.word('another') } });
      }
      if (fresh) {
        document.querySelector('meta[name="csrf-token"]').setAttribute('content', fresh);
        var fields = document.querySelectorAll('input[name="csrf_token"]');
        Chat.each(fields, function (field) { field.value = fresh; });
      }
      done(Boolean(fresh), answer);
    });
  }

  function isAnother(user) {
    return Boolean(Chat.me && user) && String(user.id) !== Chat.me.id;
  }

  function post(url, fields, done) {
    var answered = done || function () { };
    send('POST', url, fields || {}, function (answer) {
      if (answer.status !== 400 || !answer.error || answer.error.code !== 'csrf') { return answered(answer); }
      renewToken(function (isRenewed, why) {
        if (isRenewed) { send('POST', url, fields || {}, answered); }
        else { answered(why.isOk ? answer : why); }
      });
    });
  }

  /* A last word that outlives the page, where the browser can do that. */
  function postLeaving(url, fields) {
    if (!root.fetch) { return; }
    root.fetch(url, {
      method: 'POST', body: encode(fields), credentials: 'same-origin', keepalive: true,
      headers: { 'Accept': 'application/json', 'Content-Type': FORM, 'X-CSRF-Token': token() }
    })['catch'](function () { });
  }

  /* What to tell the person who asked for it. */
  function reason(answer) {
    if (answer.error && answer.error.code === 'banned') { return ban(answer.error); }
    if (answer.error && answer.error.message) { return answer.error.message; }
    return Chat.word(answer.status ? 'no-answer' : 'no-network');
  }

  /* The server knows the end of a ban, the reader's clock its hour. */
  function ban(error) {
    var until = error.until && Chat.times.full(Chat.times.parse(error.until));
    var sentence = until ? Chat.word('banned-until', { until: until }) : Chat.word('banned-for-good');
    return error.reason ? sentence + ' ' + Chat.word('ban-reason', { reason: error.reason }) : sentence;
  }

  Chat.net = { get: get, post: post, postLeaving: postLeaving, withQuery: withQuery, reason: reason };

}(window.Chat, window, document));
