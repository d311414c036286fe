/* Draws lists by difference: an entry that stays keeps its node, so that a selection, the focus or a screen reader
   within it is not disturbed by what comes and goes around it. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  /* Show these items. An entry has its item's key in this attribute. `draw(item, find)` makes or changes the entry
     of an item; `find(key)` is the present one, or undefined. */
  Chat.drawList = function (list, attribute, items, draw) {
    var present = {};
    Chat.each(list.children, function (entry) { present['=' + entry.getAttribute(attribute)] = entry; });
    function find(key) { return present['=' + key]; }
    arrange(list, items.map(function (item) { return draw(item, find); }));
  };

  /* Touches only entries that are added, removed or out of place. */
  function arrange(list, entries) {
    Chat.each(Array.prototype.slice.call(list.children), function (entry) {
      if (entries.indexOf(entry) < 0) { Chat.remove(entry); }
    });
    var next = list.firstElementChild;
    Chat.each(entries, function (entry) {
      if (next && next !== entry && next.nextElementSibling === entry) { next = skip(next); }
      if (next === entry) { next = next.nextElementSibling; }
      else { list.insertBefore(entry, next); }
    });
  }

  /* It belongs further down, and moves there in its turn: the others stay. */
  function skip(entry) {
    var next = entry.nextElementSibling;
    Chat.remove(entry);
    return next;
  }

}(this.Chat));
