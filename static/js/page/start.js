/* All parts are loaded: start each of them, in the order in which they were loaded. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  Chat.each(Chat.starters, function (begin) { begin(); });

}(window.Chat));
