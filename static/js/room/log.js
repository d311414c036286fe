/* The log: rows in the order of their ids, each once, and a view that new messages never move.

   At the end (within 100 px of it) the view follows; elsewhere it stays on what is being read, and a button
   counts what came. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var NEAR_END_PX = 100;
  var NEAR_START_PX = 300;

  var rows = Chat.rows;
  var scroller = Chat.byId('log');
  var jump = makeJump();
  var empty = Chat.byId('empty');
  var isLatest = Boolean(Chat.fact('is-latest'));  // is the room's last row here?
  var isAtEnd = isLatest;  // of the room, not of a part of its past
  var news = [];         // the ids of others' messages that came while the view was elsewhere
  var earlier = 0;       // how many came before the page, as the server counts
  var lastHeld = null;   // what was in view before the window changed its size
  var restTimer = null;
  var newestId = 0;       // of the newest message that came, shown or not
  var changed = {};  // message id → its last edit or removal, for rows that are fetched later

  /* The view: whatever is added or removed, what is being read stays where it is. */

  function bottomGap() {
    return scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
  }

  function isNearEnd() {
    return bottomGap() < NEAR_END_PX;
  }

  function toEnd() {
    scroller.scrollTop = scroller.scrollHeight;
    isAtEnd = isLatest;
  }

  /* The first row that is at least partly in view, and where it is. */
  function anchor() {
    var edge = scroller.getBoundingClientRect().top;
    var all = rows.all();
    for (var i = 0; i < all.length; i += 1) {
      var box = all[i].getBoundingClientRect();
      if (box.bottom > edge) { return { id: rows.idOf(all[i]), row: all[i], depth: box.top - edge }; }
    }
    return null;
  }

  function keepView(change) {
    var held = isAtEnd ? null : anchor();
    change();
    hold(held);
  }

  function hold(held) {
    if (!held) { return toEnd(); }
    var row = rows.find(held.id) || held.row;
    var edge = scroller.getBoundingClientRect().top;
    if (row.parentNode) { scroller.scrollTop += row.getBoundingClientRect().top - edge - held.depth; }
  }

  /* Rows in and out */

  function comesBefore(node, id) {
    return rows.isMessage(node) && !rows.isPending(node) && rows.idOf(node) < id;
  }

  function place(row) {
    var id = rows.idOf(row);
    var next = null;
    var earlier = rows.list.lastChild;
    while (earlier && !comesBefore(earlier, id)) {
      if (rows.isMessage(earlier)) { next = earlier; }
      earlier = earlier.previousSibling;
    }
    Chat.remove(Chat.byId('m' + id));  // the line that says that the message is not there
    rows.list.insertBefore(row, next);
    Chat.separators.mend(row);
    Chat.separators.mend(rows.after(row));
  }

  function latestOf(message) {
    var known = changed[message.id];
    if (!known || message.removed) { return message; }
    return known.removed || (known.edited_at || '') > (message.edited_at || '') ? known : message;
  }

  /* Each message once: a row that exists is renewed, unless it is the same, as when both the answer to a POST and its
     event bring it. A row that is being edited is renewed afterwards. */
  function put(message) {
    var newest = latestOf(message);
    var row = rows.find(message.id);
    if (row && row.chatIsEditing) { changed[message.id] = newest; }
    if (row && (row.chatIsEditing || row.chatHtml === newest.html)) { return row; }
    if (row) {
      rows.renew(row, newest);
    } else {
      row = rows.fromMessage(newest);
      place(row);
    }
    Chat.emit('row', row);
    return row;
  }

  function drop(row) {
    var next = rows.after(row);
    Chat.remove(row);
    Chat.separators.mend(next);
  }

  function add(message) {
    var isFresh = !rows.find(message.id);
    keepView(function () { put(message); });
    showEmpty();
    return isFresh;
  }

  function showEmpty() {
    if (!rows.list.querySelector('.message')) { return; }
    empty.setAttribute('hidden', '');
    Chat.toggle(empty.parentNode, 'is-empty', false);
  }

  /* The button: how many came while the view was elsewhere. Made here, since text browsers would show it empty. */

  function makeJump() {
    var button = Chat.button('jump', '', jumpToEnd);
    button.id = 'jump';
    button.setAttribute('hidden', '');
    return scroller.parentNode.appendChild(button);
  }

  function showJump() {
    var newCount = earlier + news.length;
    var isNeeded = newCount > 0 || !isLatest;
    if (isNeeded) {
      jump.textContent = (newCount ? Chat.plural('new', newCount) : Chat.word('newest')) + ' ';
      jump.appendChild(Chat.icon('down'));
      jump.removeAttribute('hidden');
    } else {
      jump.setAttribute('hidden', '');
    }
  }

  function count(ids, before) {
    news = ids;
    earlier = before;
    showJump();
  }

  function jumpToEnd() {
    if (!isLatest) { return Chat.history.latest(); }
    toEnd();
    settle();
  }

  function settle() {
    if (isLatest) { count([], 0); }
    Chat.emit('at-end');
  }

  function measure() {
    isAtEnd = isLatest && isNearEnd();
  }

  function scrolled() {
    measure();
    root.clearTimeout(restTimer);
    restTimer = Chat.later(rest, 150);
    if (isAtEnd) { settle(); }
    if (!isLatest && isNearEnd()) { Chat.history.newer(); }
    if (scroller.scrollTop < NEAR_START_PX) { Chat.history.older(); }
  }

  function rest() {
    lastHeld = isAtEnd ? null : anchor();
  }

  /* A phone was turned, a keyboard opened: the view stays at the same message. */
  function resized() {
    if (isAtEnd) { toEnd(); }
    else if (lastHeld) { hold(lastHeld); }
  }

  /* What the stream brings */

  Chat.on('message', function (message) {
    if (message.room !== Chat.room) { return; }
    newestId = Math.max(newestId, message.id);
    var isNews = !Chat.isMe(message.author) && !message.removed;
    var wasAtEnd = isAtEnd;
    if (isLatest && !add(message)) { return; }
    if (isNews && !wasAtEnd) { count(news.concat(message.id), earlier); }
    if (isNews) { Chat.emit('news', message, isLatest && rows.find(message.id)); }
    if (isLatest) { Chat.history.trim(); }
  });

  function change(message) {
    changed[message.id] = message;
    if (message.room === Chat.room && rows.find(message.id)) { keepView(function () { put(message); }); }
  }

  /* Show a change that came while the row was being edited. */
  function refresh(id) {
    if (changed[id]) { put(changed[id]); }
  }

  function remove(message) {
    change(message);
    if (news.indexOf(message.id) >= 0) { count(news.filter(function (id) { return id !== message.id; }), earlier); }
  }

  /* After a reset another message may have the id of a lost one. */
  Chat.on('reset', function () {
    changed = {};
    newestId = 0;
    count([], 0);
  });

  /* What was read on another device is not new here either. */
  Chat.on('read', function (reading) {
    if (reading.room !== Chat.room) { return; }
    count(news.filter(function (id) { return id > reading.read_id; }), earlier);
  });

  /* The server counted again. */
  Chat.on('unread', function (slug, number) {
    if (slug === Chat.room && earlier > number - news.length) { count(news, Math.max(0, number - news.length)); }
  });

  Chat.on('edit', change);
  Chat.on('remove', remove);

  Chat.log = {
    scroller: scroller, put: put, drop: drop, change: change, refresh: refresh, keepView: keepView,
    toEnd: toEnd, measure: measure, count: count, showAtTop: showAtTop, jumpToEnd: jumpToEnd, showEmpty: showEmpty,
    isAtEnd: function () { return isAtEnd; },
    readId: function () {  // of the message that is being read, 0 at the end
      var held = isAtEnd ? null : anchor();
      return held ? held.id : 0;
    },
    isLatest: function () { return isLatest; },
    hasNewsBeyond: function (cursor) { return newestId > cursor; },
    setLatest: function (is) { isLatest = is; measure(); showJump(); },
    isSeen: function () { return isAtEnd && Chat.isVisible(); }
  };

  /* The view begins at the message that the address names, at the rule "New", or at the end. */

  function begin() {
    var named = Chat.byId('m' + (rows.hashId() || Chat.fact('around')));
    toEnd();
    if (named) { showAtTop(named); }
    else { showNew(); }
    if (!isAtEnd && !named && Chat.separators.newId()) {
      count([], Number(Chat.fact('new-count')));
    }
    showJump();
  }

  function showAtTop(target) {
    scroller.scrollTop += target.getBoundingClientRect().top - scroller.getBoundingClientRect().top - 40;
    measure();
  }

  /* The rule "New" is shown where it is above the view. Where it is not here yet, the view begins as near to it as
     possible, so that nothing in between counts as read, and what is missing is fetched if it is not too much. */
  function showNew() {
    var rule = Chat.separators.newRule();
    if (rule && rule.getBoundingClientRect().top < scroller.getBoundingClientRect().top) { showAtTop(rule); }
    if (rule || !Chat.byId('new-above')) { return; }
    scroller.scrollTop = 0;
    measure();
    Chat.history.olderToNew();
  }

  /* The message that the address names is shown by this page if it is here, else by the page around it, which replaces
     this one. The server never sees what is behind the #. */

  function show() {
    var id = rows.hashId();
    if (!id) { return; }
    rows.setMarked(id);
    if (!Chat.byId('m' + id)) { root.location.replace(Chat.url('around', id) + '#m' + id); }
  }

  Chat.start(function () {
    Chat.each(rows.all(), function (row) { Chat.emit('row', rows.decorate(row)); });
    Chat.separators.mendAll();
    begin();
    show();
    Chat.listen(root, 'hashchange', show);
    Chat.listen(scroller, 'scroll', scrolled);
    Chat.listen(root, 'resize', resized);
  });

}(window.Chat, window));
