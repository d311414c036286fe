/* Follows a room of a Longwave chat from a page of another origin: what was said last, then whatever comes.

   The chat must list this page's origin in CHAT_ALLOWED_ORIGINS. Nothing of the chat's own script is needed: this is
   all that the contract asks of a reader. Texts are shown as texts, never as html. */
(function (root, document) {
  'use strict';

  var place = document.getElementById('follow');
  var state = document.getElementById('state');
  var said = document.getElementById('said');
  var chat = place.getAttribute('data-chat');
  var room = encodeURIComponent(place.getAttribute('data-room'));
  var MOST_ROWS = 50;

  var cursor = 0;
  var source = null;

  function tell(words) {
    state.innerHTML = '';
    state.appendChild(document.createTextNode(words));
  }

  /* With the reader's cookies, so that it is their own view of the room; where the browser keeps cookies from other
     sites' pages it is a visitor's. */
  function ask(path, done) {
    var request = new root.XMLHttpRequest();
    request.open('GET', chat + path, true);
    request.withCredentials = true;
    request.onreadystatechange = function () {
      if (request.readyState !== 4) { return; }
      var answer = null;
      try { answer = JSON.parse(request.responseText); } catch (notJson) { }
      done(request.status === 200 ? answer : null, answer && answer.error);
    };
    request.send();
  }

  /* Rows */

  function fill(row, message) {
    row.className = message.removed ? 'gone' : '';
    row.innerHTML = '<b></b><time></time><p></p>';
    row.childNodes[0].appendChild(document.createTextNode(message.author.name));
    row.childNodes[1].appendChild(document.createTextNode(new Date(message.created_at).toLocaleString()));
    row.childNodes[2].appendChild(document.createTextNode(message.removed ? 'removed' : message.body));
  }

  function add(message) {
    var row = document.createElement('li');
    row.id = 'm' + message.id;
    fill(row, message);
    said.appendChild(row);
    if (said.children.length > MOST_ROWS) { said.removeChild(said.children[0]); }
  }

  function change(message) {
    var row = document.getElementById('m' + message.id);
    if (row) { fill(row, message); }
  }

  /* What was said last, and the cursor from which the stream goes on without a gap */

  function begin() {
    tell('connecting');
    ask('/rooms/' + room + '/messages?limit=20', function (page, error) {
      if (!page) { return stop(error); }
      said.innerHTML = '';
      for (var i = 0; i < page.messages.length; i += 1) { add(page.messages[i]); }
      cursor = page.cursor;
      follow();
    });
  }

  function follow() {
    source = new root.EventSource(chat + '/stream?room=' + room + '&since=' + cursor, { withCredentials: true });
    hear('hello', function () { tell('live'); });
    hear('message', add);
    hear('edit', change);
    hear('remove', change);
    hear('reset', function () { source.close(); begin(); });
    hear('mode', function (mode) { source.close(); again(mode.interval_ms); });
    hear('bye', function (bye) {
      if (bye.reason === 'revoked') { source.close(); begin(); }
    });
    source.onerror = function () {
      if (source.readyState !== 2) { return tell('held up, trying again'); }
      askWhy();
    };
  }

  /* An EventSource comes back by itself with the last id; the cursor is for whatever opens another one. */
  function hear(name, react) {
    source.addEventListener(name, function (frame) {
      cursor = Number(frame.lastEventId) || cursor;
      react(JSON.parse(frame.data));
    }, false);
  }

  /* It closed for good, and hides the status: a poll says why. */
  function askWhy() {
    ask('/poll?room=' + room + '&since=' + cursor, function (answer, error) {
      if (answer || !error || error.code === 'busy' || error.code === 'slow_down') { again(5000); }
      else { stop(error); }
    });
  }

  function again(delayMs) {
    tell('checking every ' + Math.round(delayMs / 1000) + ' s');
    root.setTimeout(begin, delayMs);
  }

  function stop(error) {
    tell(error ? error.message : 'The chat does not answer this page. Is its origin listed in CHAT_ALLOWED_ORIGINS?');
  }

  if (!root.EventSource || !root.XMLHttpRequest || !root.JSON) {
    return;  // the link to the chat stays
  }
  begin();

}(window, document));
