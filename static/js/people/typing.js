/* "… is typing": sent at most every three seconds, shown until it expires or the message comes. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var SEND_MS = 3000;
  var LONGEST_NAME = 24;  // so that two of them leave room for "are typing"
  var line = Chat.byId('typing');
  var typists = {};  // id → {name, until}
  var sentAt = 0;
  var timer = null;

  /* A name may run in the other direction, so it is isolated from the sentence. */
  function isolated(name) {
    return '\u2068' + brief(name) + '\u2069';
  }

  function brief(name) {
    if (name.length <= LONGEST_NAME) { return name; }
    return name.slice(0, LONGEST_NAME).replace(/[\uD800-\uDBFF]$/, '') + '…';
  }

  function names() {
    var found = [];
    for (var id in typists) {
      if (typists[id].until > Date.now()) { found.push(isolated(typists[id].name)); }
      else { delete typists[id]; }
    }
    return found;
  }

  function words(found) {
    if (!found.length) { return ''; }
    if (found.length === 1) { return Chat.word('typing-one', { name: found[0] }); }
    if (found.length === 2) { return Chat.word('typing-two', { name: found[0], other: found[1] }); }
    return Chat.word('typing-many');
  }

  function show() {
    var found = names();
    root.clearTimeout(timer);
    Chat.setText(line, words(found));
    if (found.length) { timer = Chat.later(show, 500); }
  }

  Chat.on('typing', function (typing) {
    var isOwn = Chat.me && String(typing.user.id) === Chat.me.id;
    if (typing.room !== Chat.room || isOwn) { return; }
    typists['u' + typing.user.id] = { name: typing.user.name, until: Date.now() + typing.expires_in_ms };
    show();
  });

  Chat.on('message', function (message) {
    if (message.room !== Chat.room) { return; }
    delete typists['u' + message.author.id];
    show();
  });

  Chat.on('reset', function () {
    typists = {};
    show();
  });

  /* It is useless later: if it can't be sent now, it is dropped. */
  Chat.on('typed', function () {
    if (!Chat.me || Chat.connection.state !== 'live' || Date.now() - sentAt < SEND_MS) { return; }
    sentAt = Date.now();
    Chat.net.post(Chat.url('typing', Chat.room));
  });

  Chat.on('written', function () { sentAt = 0; });

}(window.Chat, window));
