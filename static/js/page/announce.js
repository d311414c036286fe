/* For screen readers: announces others' new messages politely, and no more of them than one can listen to. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var PERIOD_MS = 4000;
  var LONGEST = 200;
  var place = Chat.byId('announcer');
  var queue = [];
  var timer = null;

  function textOf(message) {
    var body = message.body.replace(/\s+/g, ' ');
    return Chat.word('says', {
      name: message.author.name,
      text: body.length > LONGEST ? body.slice(0, LONGEST).replace(/[\uD800-\uDBFF]$/, '') + '…' : body
    });
  }

  function announceNext() {
    timer = null;
    if (!queue.length) { return; }
    place.textContent = queue.length > 2 ? Chat.plural('heard', queue.length) : queue.map(textOf).join(' ');
    queue = [];
    timer = Chat.later(announceNext, PERIOD_MS);
  }

  Chat.announce = function (text) {
    place.textContent = text;
  };

  Chat.on('news', function (message) {
    if (message.removed) { return; }
    queue.push(message);
    if (!timer) { timer = Chat.later(announceNext, 100); }
  });

}(window.Chat));
