/* How much time has passed, whatever is done to the clock meanwhile. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var passedMs = 0;
  var lookedAt = Date.now();

  /* A clock that is set back costs nothing; one that leaps ahead counts, for so it is after sleep. */
  Chat.elapsed = function () {
    var now = Date.now();
    passedMs += Math.max(0, now - lookedAt);
    lookedAt = now;
    return passedMs;
  };

  /* After so many seconds awake: each begins when the one before is over, so that a machine that slept for an hour
     has waited for one of them. Returns what calls it off. */
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
