/* Here or away: two minutes out of sight is away, a look is here again. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported || !Chat.me) { return; }

  var AWAY_MS = 120000;
  var isAway = false;
  var timer = null;

  function tell(state) {
    isAway = state === 'away';
    Chat.net.post(Chat.url('here', Chat.room), { state: state });
  }

  function look() {
    root.clearTimeout(timer);
    if (!Chat.isVisible()) { timer = Chat.later(function () { tell('away'); }, AWAY_MS); }
    else if (isAway) { tell('here'); }
  }

  Chat.start(function () {
    Chat.listen(document, 'visibilitychange', look);
    if (!Chat.isVisible()) { look(); }
  });

}(window.Chat, window, document));
