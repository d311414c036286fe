/* What a person may do with a message: by mouse from the bar over the row's corner, by keyboard from the message's
   time, by finger with a long press, and on their own last message from a button. The time links to the message's own
   page, which has the same acts as plain forms. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var LONG_MS = 500;
  var STILL_PX = 10;    // a finger may move so far in a long press
  var FINGER_PX = 22;   // half the width of a finger
  var COPIED_MS = 900;  // so long the menu shows that it has copied
  var QUIET = { passive: true };  // nothing waits for these; old browsers read it as `true`, which works, too
  var hasNoHover = Boolean(root.matchMedia && root.matchMedia('(hover: none)').matches);
  var rows = Chat.rows;

  function mayAct(row) {
    return row && !rows.isPending(row) && row.querySelector('.text') && !row.chatIsEditing;
  }

  /* The items of the menu; what can't be undone comes last. */

  function itemsFor(row) {
    var id = rows.idOf(row);
    var isMine = Chat.has(row, 'mine');
    var isOwner = Boolean(Chat.fact('is-owner'));
    var items = isMine ? [act('edit', function () { Chat.menu.close(); Chat.edit.begin(row); })] : [];
    items.push(act('copy-text', function () { copy(this, textOf(row)); }));
    items.push(act('copy-link', function () { copy(this, linkTo(id)); }));
    items.push(way('details', id, ''));
    if (isOwner && !isMine && !row.querySelector('.byline .bot')) { items.push(way('ban', id, '#ban')); }
    if (isMine || isOwner) { items.push(act('remove', function () { askToRemove(id); })); }
    return items;
  }

  function act(name, run) {
    return { name: name, label: Chat.word(name), run: run };
  }

  function way(name, id, part) {
    return { name: name, label: Chat.word(name), href: Chat.url('message', id) + part };
  }

  function askToRemove(id) {
    Chat.menu.ask(Chat.word('really'), Chat.word('remove'), function (isByKey) {
      Chat.removal.begin(id, isByKey);
    });
  }

  function textOf(row) {
    var text = row.querySelector('.text');
    return row.chatBody !== undefined ? row.chatBody : text.innerText || text.textContent;
  }

  function linkTo(id) {
    return root.location.protocol + '//' + root.location.host + Chat.url('room', Chat.room) + '?around=' + id + '#m' + id;
  }

  function copy(entry, text) {
    Chat.copy.text(text, function (isCopied) {
      entry.textContent = Chat.word(isCopied ? 'copied' : 'not-copied');
      Chat.announce(entry.textContent);
      Chat.later(function () { if (entry.parentNode) { Chat.menu.close(); } }, COPIED_MS);
    });
  }

  function openMenu(row, opener, spot) {
    if (mayAct(row)) { Chat.menu.open(opener, spot || opener.getBoundingClientRect(), itemsFor(row)); }
  }

  /* By mouse: the bar is made when the pointer first enters a row. Without a mouse, only the person's last message has
     a button that stays. */

  function offer(row) {
    if (!mayAct(row) || row.querySelector('.acts')) { return; }
    var bar = Chat.make('span', 'acts');
    if (Chat.has(row, 'mine') && !hasNoHover) {
      bar.appendChild(barButton('edit', Chat.word('edit'), function () { Chat.edit.begin(row); }));
    }
    var more = barButton('more', '', function () { openMenu(row, more); });
    more.appendChild(Chat.icon('more'));
    more.setAttribute('aria-label', Chat.word('acts'));
    more.setAttribute('aria-haspopup', 'menu');
    bar.appendChild(more);
    row.appendChild(bar);
  }

  /* No Tab stops: the keyboard has the time beside it. */
  function barButton(name, label, run) {
    var button = Chat.button(name, label, run);
    button.tabIndex = -1;
    return button;
  }

  /* A finger is not a pointer, even where it causes its events; a mouse is, even where media queries know of none. */
  function pointed(event) {
    if (event.pointerType !== 'touch') { offer(rows.rowOf(event.target)); }
  }

  function offerOnLast() {
    var own = rows.list.querySelectorAll('.message.mine[data-id]:not(.removed)');
    var last = own[own.length - 1];
    Chat.each(rows.list.querySelectorAll('.acts'), function (bar) {
      if (bar.parentNode !== last) { Chat.remove(bar); }
    });
    if (last) { offer(last); }
  }

  /* By keyboard: Enter on the message's time */

  function pressed(press) {
    var isOnTime = Chat.has(press.target, 'when') && Chat.keyOf(press) === 'Enter' && !Chat.isModified(press);
    var row = isOnTime && rows.rowOf(press.target);
    if (!mayAct(row)) { return; }
    press.preventDefault();
    openMenu(row, press.target);
  }

  /* By finger: a press that does not move. A link in the text keeps the browser's own menu. */

  var held = null;  // {x, y, timer, isLong}

  function touched(touch) {
    letGo();
    var row = rows.rowOf(touch.target);
    if (touch.touches.length !== 1 || !mayAct(row) || isLink(touch.target)) { return; }
    held = { x: touch.touches[0].clientX, y: touch.touches[0].clientY, isLong: false };
    held.timer = Chat.later(function () {
      held.isLong = true;
      openMenu(row, row.querySelector('.when'), {
        left: held.x - FINGER_PX, right: held.x + FINGER_PX, top: held.y - FINGER_PX, bottom: held.y + FINGER_PX
      });
    }, LONG_MS);
  }

  function isLink(node) {
    while (node && node !== rows.list && node.nodeName !== 'A') { node = node.parentNode; }
    return node && node.nodeName === 'A' && !Chat.has(node, 'when');
  }

  /* A finger that scrolls leaves the message, and its menu; one that is held moves a little, too. */
  function moved(touch) {
    var at = touch.touches[0];
    if (held && Math.abs(at.clientX - held.x) + Math.abs(at.clientY - held.y) <= STILL_PX) { return; }
    letGo();
    Chat.menu.close();
  }

  /* The end of a long press must not become a click on what is there. */
  function lifted(touch) {
    if (held && held.isLong && touch.cancelable) { touch.preventDefault(); }
    letGo();
  }

  function letGo() {
    if (held) { root.clearTimeout(held.timer); }
    held = null;
  }

  /* Some browsers begin to select text, or open a menu of their own, with a long press. */
  function menuAsked(event) {
    if (held && !isLink(event.target)) { event.preventDefault(); }
  }

  if (hasNoHover) { Chat.on('row', offerOnLast); }

  Chat.start(function () {
    if (root.PointerEvent) { Chat.listen(rows.list, 'pointerover', pointed); }
    else if (!hasNoHover) { Chat.listen(rows.list, 'mouseover', pointed); }
    Chat.listen(rows.list, 'keydown', pressed);
    rows.list.addEventListener('touchstart', Chat.guard(touched), QUIET);
    Chat.log.scroller.addEventListener('touchmove', Chat.guard(moved), QUIET);
    Chat.listen(rows.list, 'touchend', lifted);
    Chat.listen(rows.list, 'touchcancel', letGo);
    Chat.listen(rows.list, 'contextmenu', menuAsked);
  });

}(window.Chat, window, document));
