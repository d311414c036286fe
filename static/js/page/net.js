/* The page's own requests: forms out, JSON in. A stale CSRF token is renewed silently, so that a page left open
   for days can post. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  /* A token that the server no longer knows is replaced once, and the POST repeated; but not when somebody else
     has signed in meanwhile, for whom this page must not speak. */

  function token() {
    return document.querySelector('meta[name="csrf-token"]').getAttribute('content');
  }

  function renewToken(done) {
    Chat.request.get(Chat.url('session'), null, function (answer) {
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
    return Boolean(Chat.me && user) && !Chat.isMe(user);
  }

  function send(url, fields, done) {
    Chat.request.send('POST', url, fields || {}, done, { token: token() });
  }

  function post(url, fields, done) {
    var answered = done || function () { };
    send(url, fields, function (answer) {
      if (answer.status !== 400 || !answer.error || answer.error.code !== 'csrf') { return answered(answer); }
      renewToken(function (isRenewed, why) {
        if (isRenewed) { send(url, fields, answered); }
        else { answered(why.isOk ? answer : why); }
      });
    });
  }

  /* A request that outlives the page, where the browser can do that. */
  function postLeaving(url, fields) {
    if (!root.fetch) { return; }
    root.fetch(url, {
      method: 'POST', body: Chat.request.encode(fields), credentials: 'same-origin', keepalive: true,
      headers: { 'Accept': 'application/json', 'Content-Type': Chat.request.FORM, 'X-CSRF-Token': token() }
    })['catch'](function () { });
  }

  /* Why it failed, in words for the person. */
  function reason(answer) {
    if (answer.error && answer.error.code === 'banned') { return ban(answer.error); }
    if (answer.error && answer.error.message) { return answer.error.message; }
    return Chat.word(answer.status ? 'no-answer' : 'no-network');
  }

  /* When a ban ends, by the reader's clock. */
  function ban(error) {
    var until = error.until && Chat.moments.full(Chat.moments.parse(error.until));
    var sentence = until ? Chat.word('banned-until', { until: until }) : Chat.word('banned-for-good');
    return error.reason ? sentence + ' ' + Chat.word('ban-reason', { reason: error.reason }) : sentence;
  }

  Chat.net = { get: Chat.request.get, post: post, postLeaving: postLeaving, reason: reason };

}(window.Chat, window, document));
