/* The one global, and what every script needs that knows no page: guarded callbacks, timers, lists. It is loaded
   first, in a page and in a worker. */
(function (root) {
  'use strict';

  var Chat = root.Chat = root.Chat || {};

  /* An error in one callback must not stop the others. */

  Chat.guard = function (callback) {
    return function () {
      try {
        return callback.apply(this, arguments);
      } catch (problem) {
        if (root.console && root.console.error) { root.console.error(problem); }
      }
    };
  };

  Chat.listen = function (target, type, callback) {
    target.addEventListener(type, Chat.guard(callback), false);
  };

  Chat.later = function (callback, delayMs) {
    return root.setTimeout(Chat.guard(callback), delayMs);
  };

  Chat.every = function (callback, periodMs) {
    return root.setInterval(Chat.guard(callback), periodMs);
  };

  Chat.each = function (list, visit) {
    Array.prototype.forEach.call(list, visit);
  };

  /* Half of a surrogate pair is not text: no request can carry it, and encodeURIComponent throws. */
  Chat.wellFormed = function (text) {
    return String(text).replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, function (found) {
      return found.length === 2 ? found : '\uFFFD';
    });
  };

  Chat.mix = function (target, methods) {
    for (var name in methods) { target[name] = methods[name]; }
  };

}(this));
