/* How much time has passed, even when the clock is set meanwhile. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var passedMs = 0;
  var lookedAt = Date.now();

  /* A clock that is set back adds nothing; one that jumps ahead counts, as after sleep. */
  Chat.elapsed = function () {
    var now = Date.now();
    passedMs += Math.max(0, now - lookedAt);
    lookedAt = now;
    return passedMs;
  };

  /* Calls `then` after so many seconds awake: each begins when the one before is over, so that an hour of sleep counts
     as one of them. Returns what calls it off. */
  Chat.countdown = function (seconds, then) {
    var left = seconds;
    var timer = Chat.later(step, 1000);
    function step() {
      left -= 1;
      if (left > 0) { timer = Chat.later(step, 1000); }
      else { then(); }
    }
    return function () { root.clearTimeout(timer); };
  };

}(this.Chat, this));
