/* The rooms as the server has them, all as of one event: fetched when what the page knows may be wrong, and emitted as
   `snapshot`. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var SPREAD_MS = 5000;  // not all readers of one event ask at the same moment,
  var HIDDEN_MS = 30000; // least of all hidden pages,
  var PERIOD_MS = 5000;  // and no page asks much more often
  var STALE_MS = 60000;
  var timer = null;
  var isAsking = false;
  var isWanted = false;
  var isUrgent = false;
  var askedAt = -PERIOD_MS;
  var changedAt = 0;     // the last event that changed the list: an older answer is out of date

  /* One request for all that happens within a moment. What the person did elsewhere is urgent. */
  function ask(isNow) {
    isWanted = true;
    isUrgent = isUrgent || isNow === true;
    if (isAsking || (timer && !isUrgent)) { return; }
    root.clearTimeout(timer);
    timer = Chat.later(send, isUrgent ? 0 : delayMs());
  }

  function delayMs() {
    var spreadMs = Chat.isVisible() ? SPREAD_MS : HIDDEN_MS;
    return Math.max(Math.random() * spreadMs, askedAt + PERIOD_MS - Chat.elapsed());
  }

  function send() {
    timer = null;
    isAsking = true;
    isWanted = isUrgent = false;
    askedAt = Chat.elapsed();
    Chat.net.get(Chat.url('rooms'), Chat.room ? { near: Chat.room } : { from: Chat.fact('from') }, answered);
  }

  function answered(answer) {
    var snapshot = answer.isOk && answer.json;
    isAsking = false;
    if (!snapshot) { return retry(answer); }
    if (Chat.me && Chat.isAnother(answer, Chat.me.id)) { return Chat.emit('another'); }
    if (changedAt > snapshot.cursor) { isWanted = true; }
    else { Chat.emit('snapshot', snapshot); }
    if (isWanted) { ask(); }
  }

  /* A final refusal is shown elsewhere; without a connection the next one makes up for it. */
  function retry(answer) {
    isWanted = isWanted || !answer.status || answer.status >= 429;
    if (isWanted && answer.status) { ask(); }
  }

  function changed(data, id) {
    changedAt = id;
  }

  function changedByMe(move, id) {
    if (!Chat.isMe(move.user)) { return; }
    changedAt = id;
    ask(true);
  }

  Chat.on('listed', changed);
  Chat.on('room', changed);
  Chat.on('join', changedByMe);
  Chat.on('leave', changedByMe);
  Chat.on('unlisted', function (nothing, id) {
    changedAt = id;
    ask();
  });

  Chat.on('reset', function () {
    changedAt = 0;
    ask(true);
  });

  Chat.on('state', function (name) {
    if (isWanted && (name === 'live' || name === 'checking')) { ask(); }
  });

  /* Messages that became too old to be kept disappear without an event. */
  function look() {
    if (Chat.isVisible() && Chat.elapsed() - askedAt > STALE_MS && Chat.unread.isAny()) { ask(); }
  }

  /* When the page is seen again, what was put off while it was hidden is fetched at once. */
  function seen() {
    if (Chat.isVisible() && timer) { ask(true); }
    look();
  }

  Chat.snapshot = { ask: ask };

  Chat.on('midnight', look);
  Chat.start(function () { Chat.listen(root.document, 'visibilitychange', seen); });

}(this.Chat, this));
