/* All is loaded: each part begins, in the order in which the page names them. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  Chat.each(Chat.starters, function (begin) { begin(); });

}(window.Chat));
