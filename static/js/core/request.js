/* Requests whose answer is JSON, or what came in its place. Needs no page, because a worker uses it, too. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var TIMEOUT_MS = 20000;
  var QUICK_MS = 5000;  // the Date of a slower answer is not used as the time
  var LONGEST_WAIT_MS = 86400000;  // as long as a timer can run
  var FORM = 'application/x-www-form-urlencoded; charset=UTF-8';
  var number = 0;

  function encode(fields) {
    var pairs = [];
    for (var name in fields) {
      if (Object.prototype.hasOwnProperty.call(fields, name)) { pairs = pairs.concat(pairsOf(name, fields[name])); }
    }
    return pairs.join('&');
  }

  /* The field is repeated for each value of a list. */
  function pairsOf(name, values) {
    var pairs = [];
    Chat.each([].concat(values), function (value) {
      pairs.push(encodeURIComponent(name) + '=' + encodeURIComponent(Chat.wellFormed(value)));
    });
    return pairs;
  }

  function withQuery(url, fields) {
    var query = encode(fields || {});
    return query ? url + (url.indexOf('?') < 0 ? '?' : '&') + query : url;
  }

  /* No two requests have the same address: some browsers answer from their cache whatever the headers say, old
     iPhones even a POST. */
  function uncached(url) {
    number += 1;
    return withQuery(url, { _: Date.now().toString(36) + Math.random().toString(36).slice(2, 8) + number });
  }

  /* An answer: status (0: none came), json or null, error with code and message or null, how long to wait. */

  function read(request, askedAt) {
    var answer = { status: 0, json: null, error: null, retryAfterMs: 0 };
    try {
      answer.status = request.status;
      if (Date.now() - askedAt < QUICK_MS) { Chat.serverTime.learn(Date.parse(request.getResponseHeader('Date') || '')); }
      answer.retryAfterMs = waitIn(request);
      answer.json = JSON.parse(request.responseText);
      answer.error = answer.json.error || null;
    } catch (notJson) { }
    answer.isOk = answer.status >= 200 && answer.status < 300;
    return answer;
  }

  /* Seconds, or from some proxies a date, which is compared with the answer's own Date: the reader's clock may be
     wrong. */
  function waitIn(request) {
    var text = request.getResponseHeader('Retry-After') || '';
    var now = Date.parse(request.getResponseHeader('Date') || '') || Date.now();
    var delayMs = /^\d+$/.test(text) ? 1000 * text : Date.parse(text) - now;
    return Math.max(0, Math.min(delayMs || 0, LONGEST_WAIT_MS));
  }

  /* `done` gets the answer, unless the request is called off by what this returns. */
  function send(method, url, fields, done, options) {
    var request = new root.XMLHttpRequest();
    var askedAt = Date.now();
    request.open(method, uncached(url), true);
    request.timeout = (options && options.timeoutMs) || TIMEOUT_MS;
    request.setRequestHeader('Accept', 'application/json');
    if (method === 'POST') { request.setRequestHeader('Content-Type', FORM); }
    if (options && options.token) { request.setRequestHeader('X-CSRF-Token', options.token); }
    request.onreadystatechange = Chat.guard(function () {
      if (request.readyState !== 4) { return; }
      request.onreadystatechange = ignore;
      done(read(request, askedAt));
    });
    request.send(fields ? encode(fields) : null);
    return function () {
      request.onreadystatechange = ignore;
      request.abort();
    };
  }

  function ignore() { }

  function get(url, fields, done, timeoutMs) {
    return send('GET', withQuery(url, fields), null, done, { timeoutMs: timeoutMs });
  }

  Chat.request = {
    FORM: FORM, encode: encode, withQuery: withQuery, uncached: uncached, send: send, get: get
  };

}(this.Chat, this));
