/* Lists drawn by difference: an entry that stays is the same node in its place, so that whoever has selected something
   in it, stands on it with the keyboard or has it read out keeps that, whatever comes and goes around it. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  /* Show these items. Entries bear their item's key in this attribute, and `draw(item, find)` makes or changes the one
     for an item: `find(key)` is the one that is there, or undefined. */
  Chat.drawList = function (list, attribute, items, draw) {
    var present = {};
    Chat.each(list.children, function (entry) { present['=' + entry.getAttribute(attribute)] = entry; });
    function find(key) { return present['=' + key]; }
    arrange(list, items.map(function (item) { return draw(item, find); }));
  };

  /* Only what goes, comes or is out of place is touched. */
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
