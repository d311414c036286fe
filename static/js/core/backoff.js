/* When to try again: after a random delay from the whole of a growing span, so that not all come back at once. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var LEAST_DELAY_MS = 100;
  var FIRST_SPAN_MS = 800;
  var QUICK_TRIES = 8;  // before the span grows: a restart takes seconds, and a refused try costs nothing
  var LONGEST_DELAY_MS = 30000;

  Chat.backOff = function () {
    var failures = 0;
    var orderedUntil = 0;  // the server asked to wait until then

    return {
      reset: function () { failures = 0; },
      next: function (askedMs) {
        var doublings = Math.max(0, failures + 1 - QUICK_TRIES);
        var spanMs = Math.min(LONGEST_DELAY_MS, FIRST_SPAN_MS * Math.pow(2, doublings));
        failures += 1;
        orderedUntil = Chat.elapsed() + (askedMs || 0);
        return (askedMs || LEAST_DELAY_MS) + Math.random() * spanMs;
      },
      mayHurry: function () { return Chat.elapsed() >= orderedUntil; }
    };
  };

}(this.Chat));
