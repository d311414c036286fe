/* Here or away: after two minutes with all of this browser's tabs hidden a person is away, and here again when one is
   shown.

   A visible tab notes it where the others find it; each tab sends the state for its own room. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported || !Chat.me) { return; }

  var AWAY_MS = 120000;
  var NOTE_MS = 30000;
  var SPREAD_MS = 1000;  // of several tabs in one room the first sends it
  var SEEN = Chat.drawer + 'seen';
  var SENT = Chat.drawer + 'away.' + Chat.room;
  var isAway = false;
  var isKept = true;    // until storing fails
  var hiddenAt = 0;
  var timer = null;

  /* The entry exists while one is away, and means that a tab in this room has sent it already. */
  function send(state) {
    var sent = Chat.localStorage.read(SENT);
    isAway = state === 'away';
    if (isKept && (isAway ? sent && ageMs(sent.at) < NOTE_MS : !sent)) { return; }
    if (isAway) { isKept = Chat.localStorage.write(SENT, { at: Date.now() }); }
    else { Chat.localStorage.remove(SENT); }
    Chat.net.post(Chat.url('here', Chat.room), { state: state });
  }

  /* Never negative, even when the clock was set back. */
  function ageMs(at) {
    return Math.max(0, Date.now() - at);
  }

  function look() {
    root.clearTimeout(timer);
    if (Chat.isVisible()) { return seen(); }
    hiddenAt = Date.now();
    timer = Chat.later(consider, AWAY_MS);
  }

  function seen() {
    note();
    if (isAway) { send('here'); }
  }

  function note() {
    Chat.localStorage.write(SEEN, { at: Date.now() });
  }

  /* Has any tab been visible since? */
  function consider() {
    var last = Chat.localStorage.read(SEEN);
    var leftMs = AWAY_MS - Math.min(ageMs(hiddenAt), ageMs(last ? last.at : 0));
    if (leftMs > 0) { timer = Chat.later(consider, leftMs + Math.random() * SPREAD_MS); }
    else { send('away'); }
  }

  Chat.localStorage.watch(function (key, value) {
    if (key !== SEEN || !value || Chat.isVisible()) { return; }
    if (isAway) {
      send('here');
      look();
    }
  });

  Chat.start(function () {
    isAway = Boolean(Chat.localStorage.read(SENT));
    Chat.listen(document, 'visibilitychange', look);
    Chat.every(function () { if (Chat.isVisible()) { note(); } }, NOTE_MS);
    look();
  });

}(window.Chat, window, document));
