/* How far the person has read: sent to the server when the end of the room is in view, for their other tabs and
   devices; and the rule "New" where they left off. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var SOON_MS = 800;
  var PERIOD_MS = 5000;  // in a busy room every reader would otherwise post for every message
  var POLLED_MS = 30000; // where requests are expensive, and the other tabs learn it by a poll

  var readId = Number(Chat.fact('read-id')) || 0;
  var seenId = readId;
  var sentId = readId;  // what the server certainly knows
  var sentAt = 0;
  var periodMs = PERIOD_MS;
  var timer = null;
  var isLost = false;  // after a reset, until the rows are those that the server has

  function lastId() {
    var last = Chat.rows.last();
    return last ? Chat.rows.idOf(last) : 0;
  }

  function plan() {
    if (isLost || !Chat.log.isSeen()) { return; }
    Chat.unread.clear(Chat.room);
    seenId = Math.max(seenId, lastId());
    if (!Chat.me || timer || seenId <= sentId) { return; }
    timer = Chat.later(send, Math.max(SOON_MS, sentAt + periodMs - Date.now()));
  }

  function send() {
    var id = seenId;
    timer = null;
    if (id <= sentId) { return; }
    sentAt = Date.now();
    Chat.net.post(Chat.url('read', Chat.room), { id: id }, function (answer) {
      if (answer.isOk) { learn(id); }
      if (!answer.retryAfterMs) { return; }
      sentAt = Date.now() + answer.retryAfterMs - periodMs;  // later, then; the person need not know
      plan();
    });
  }

  function learn(id) {
    readId = Math.max(readId, id);
    sentId = Math.max(sentId, id);
  }

  /* What was seen just before the page was left would count as unread on the next page. */
  function sendLeaving() {
    if (timer && seenId > sentId) { Chat.net.postLeaving(Chat.url('read', Chat.room), { id: seenId }); }
  }

  /* Set the rule at the first message that came unseen, unless an earlier one is unread, too. */
  Chat.on('news', function (message) {
    if (Chat.log.isSeen()) { return plan(); }
    if (isRead(Chat.separators.newId())) { Chat.log.keepView(function () { Chat.separators.setNew(message.id); }); }
  });

  function isRead(id) {
    return id <= Math.max(readId, seenId);
  }

  /* The room was fetched again: set the rule at the first missed message, where all missed ones are here. */
  Chat.on('replaced', function (page) {
    isLost = false;
    var missed = page.messages.filter(isMissed)[0];
    if (!missed || !isRead(Chat.separators.newId())) { return; }
    if (isRead(page.messages[0].id) || !page.more) { Chat.separators.setNew(missed.id); }
  });

  function isMissed(message) {
    return !Chat.isMe(message.author) && !message.removed && !isRead(message.id);
  }

  Chat.on('reset', function (data) {
    readId = Math.min(readId, data.cursor);  // beyond that other messages will have those ids
    seenId = Math.min(seenId, data.cursor);
    sentId = 0;  // a restored backup may have lost it
    isLost = true;
    root.clearTimeout(timer);
    timer = null;
    if (Chat.separators.newId() > data.cursor) { Chat.separators.setNew(0); }
  });

  Chat.on('read', function (reading) {
    if (reading.room === Chat.room) { learn(reading.read_id); }
  });

  Chat.read = { seenId: function () { return seenId; } };

  Chat.on('at-end', plan);
  Chat.on('settled', plan);

  Chat.start(function () {
    Chat.listen(document, 'visibilitychange', plan);
    Chat.listen(root, 'pagehide', sendLeaving);
    Chat.on('state', function (name) {
      periodMs = name === 'checking' ? POLLED_MS : PERIOD_MS;
      if (name === 'live') { plan(); }
    });
    plan();
  });

}(window.Chat, window, document));
