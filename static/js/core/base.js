/* The one global, and what every script leans on that needs no page: guarded callbacks, timers, lists. It is the
   first to be loaded, in a page and in a worker. */
(function (root) {
  'use strict';

  var Chat = root.Chat = root.Chat || {};

  /* One broken callback must not take the others with it. */

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

  /* Half of a surrogate pair is no text: no request can hold it, and encodeURIComponent throws. */
  Chat.wellFormed = function (text) {
    return String(text).replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, function (found) {
      return found.length === 2 ? found : '\uFFFD';
    });
  };

  Chat.mix = function (target, methods) {
    for (var name in methods) { target[name] = methods[name]; }
  };

}(this));
