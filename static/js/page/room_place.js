/* Where the list of rooms is scrolled to: with the current room in view, and otherwise where it was left, also on the
   next page and when entries come or go. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var KEY = 'rooms-top';
  var list = Chat.byId('room-list');
  var top = Chat.kept(KEY);

  /* The style decides which element scrolls; null where none does. */
  function findFrame() {
    for (var node = list; node && node !== document.body; node = node.parentNode) {
      var scrolls = /auto|scroll/.test(root.getComputedStyle(node).overflowY);
      if (scrolls && node.scrollHeight > node.clientHeight) { return node; }
    }
    return null;
  }

  function reveal() {
    var frame = findFrame();
    var current = list.querySelector('.current');
    if (!frame || !current) { return; }
    if (top !== null) { frame.scrollTop = top; }
    var box = current.getBoundingClientRect();
    var view = frame.getBoundingClientRect();
    var isInView = box.top >= view.top && box.bottom <= view.bottom;
    if (!isInView) { frame.scrollTop += (box.top + box.bottom - view.top - view.bottom) / 2; }
  }

  function firstInView(frame) {
    var edge = frame.getBoundingClientRect().top;
    for (var i = 0; i < list.children.length; i += 1) {
      if (list.children[i].getBoundingClientRect().bottom > edge) { return list.children[i]; }
    }
    return null;
  }

  /* Change the list, and keep what is in view where it is, and the focus, too. */
  function keep(change) {
    var frame = findFrame();
    var held = frame && firstInView(frame);
    var heldAt = held && held.getBoundingClientRect().top;
    var focused = document.activeElement;
    change();
    if (focused !== document.activeElement && list.contains(focused)) { focused.focus(); }
    if (held && held.parentNode) { frame.scrollTop += held.getBoundingClientRect().top - heldAt; }
  }

  Chat.roomPlace = { keep: keep };

  Chat.on('panel', reveal);

  Chat.start(function () {
    var panel = Chat.byId('rooms');
    if (!panel) { return; }
    reveal();
    panel.addEventListener('scroll', Chat.guard(function (scrolling) { top = scrolling.target.scrollTop; }), true);
    Chat.listen(root, 'hashchange', reveal);  // a panel opened by its address
    Chat.listen(root, 'pagehide', function () { Chat.keep(KEY, top); });
  });

}(window.Chat, window, document));
