/* The menu of a message, and the question before what can't be undone. One at a time, beside what opened it.

   The question takes the place of the menu's upper part, and the act that asks it is the menu's last item: repeated
   presses on one spot confirm nothing. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var GAP_PX = 4;    // from what opened it
  var EDGE_PX = 8;   // from the edge of the window
  var opened = null; // {box, opener}

  /* `spot` is the rectangle that it must not cover; each item has a name, a label, and an act to `run` or an `href`. */
  function open(opener, spot, items) {
    close();
    var box = Chat.make('div', 'menu');
    box.setAttribute('role', 'menu');
    box.setAttribute('aria-label', Chat.word('acts'));
    Chat.each(items, function (item) { box.appendChild(entryFor(item)); });
    Chat.listen(box, 'keydown', pressed);
    opened = { box: box, opener: opener };
    opener.setAttribute('aria-expanded', 'true');
    Chat.log.scroller.parentNode.appendChild(box);
    box.style.top = topBeside(box, spot) + 'px';
    box.style.left = leftBeside(box, spot) + 'px';
    box.firstChild.focus();
  }

  function entryFor(item) {
    var entry = item.href ? Chat.make('a', item.name, item.label) : Chat.button(item.name, item.label, item.run);
    if (item.href) { entry.href = item.href; }
    entry.setAttribute('role', 'menuitem');
    entry.tabIndex = -1;
    return entry;
  }

  /* Below it, else above it, else as low as there is room. */
  function topBeside(box, spot) {
    var lowest = root.innerHeight - EDGE_PX - box.offsetHeight;
    var above = spot.top - GAP_PX - box.offsetHeight;
    if (spot.bottom + GAP_PX <= lowest) { return spot.bottom + GAP_PX; }
    return above >= EDGE_PX ? above : Math.max(EDGE_PX, lowest);
  }

  /* Its right edge below that of the spot; where it is neither below nor above, left or right of it. */
  function leftBeside(box, spot) {
    var top = box.getBoundingClientRect().top;
    var isBeside = top < spot.bottom && top + box.offsetHeight > spot.top;
    var left = isBeside ? spot.left - GAP_PX - box.offsetWidth : spot.right - box.offsetWidth;
    if (isBeside && left < EDGE_PX) { left = spot.right + GAP_PX; }
    return Math.max(EDGE_PX, Math.min(left, root.innerWidth - EDGE_PX - box.offsetWidth));
  }

  /* In place of the items: the question, a button that cancels and one that confirms. `confirm` gets whether it was
     pressed by a key. */
  function ask(question, answer, confirm) {
    var box = opened.box;
    var words = Chat.make('p', '', question);
    words.id = 'menu-question';
    box.textContent = '';
    box.setAttribute('role', 'alertdialog');
    box.setAttribute('aria-labelledby', words.id);
    box.removeAttribute('aria-label');
    box.appendChild(words);
    var cancel = box.appendChild(Chat.button('button', Chat.word('cancel'), close));
    box.appendChild(Chat.button('button danger confirm', answer, function (click) {
      close();
      confirm(!click.detail);
    }));
    cancel.focus();
  }

  function close() {
    if (!opened) { return; }
    var was = opened;
    var hadFocus = was.box.contains(document.activeElement);
    opened = null;
    Chat.remove(was.box);
    was.opener.setAttribute('aria-expanded', 'false');
    if (hadFocus) { was.opener.focus(); }
  }

  /* By keyboard: the arrows and Tab go round, so that nobody leaves it by accident. */

  function pressed(press) {
    var stops = opened.box.querySelectorAll('a, button');
    var at = Array.prototype.indexOf.call(stops, document.activeElement);
    var key = Chat.keyOf(press);
    var next = { ArrowDown: at + 1, ArrowUp: at - 1, Tab: press.shiftKey ? at - 1 : at + 1, Home: 0, End: -1 }[key];
    if (next === undefined && key !== 'Escape') { return; }
    press.preventDefault();
    press.stopPropagation();
    if (key === 'Escape') { return close(); }
    stops[(next + stops.length) % stops.length].focus();
  }

  /* A press outside closes it and does nothing else. */
  function closeOutside(click) {
    if (!opened || opened.box.contains(click.target)) { return; }
    click.preventDefault();
    click.stopPropagation();
    close();
  }

  Chat.menu = { open: open, ask: ask, close: close };

  Chat.start(function () {
    document.addEventListener('click', Chat.guard(closeOutside), true);
    Chat.listen(Chat.log.scroller, 'wheel', close);
    Chat.listen(root, 'resize', close);
  });

}(window.Chat, window, document));
