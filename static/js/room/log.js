/* The log: rows in the order of their ids, each once, and a view that news never moves.

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
  var isLatest = Boolean(Chat.fact('is-latest'));  // does the last row of the room stand here?
  var isAtEnd = isLatest;  // of the room: the end of what stands here of the past is none
  var news = [];         // the ids of others' messages that came while one read elsewhere
  var earlier = 0;       // and how many had come before the page, as the server counts
  var lastHeld = null;   // where one was before the window changed its size
  var restTimer = null;
  var newestId = 0;       // of the newest message that was heard of, here or not
  var changed = {};  // the last edit or removal heard of a message, for rows that are fetched later

  /* The view: whatever changes above, below or in between, what is read stays where it is. */

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

  /* The first row that is at least partly in view, and where it stands. */
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
    Chat.remove(Chat.byId('m' + id));  // what said that it is not there
    rows.list.insertBefore(row, next);
    Chat.separators.mend(row);
    Chat.separators.mend(rows.after(row));
  }

  function latestOf(message) {
    var known = changed[message.id];
    if (!known || message.removed) { return message; }
    return known.removed || (known.edited_at || '') > (message.edited_at || '') ? known : message;
  }

  /* Each message once: a row that is here already is renewed, unless it is the same, as when the answer to a POST
     and its event both bring it. One that is being edited waits for that. */
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

  /* The button: how many came while one read elsewhere. Text browsers would show it without a word on it. */

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

  /* A phone was turned, a keyboard opened: one goes on reading at the same message. */
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

  /* What was heard of a message while its row could not be replaced. */
  function refresh(id) {
    if (changed[id]) { put(changed[id]); }
  }

  function remove(message) {
    change(message);
    if (news.indexOf(message.id) >= 0) { count(news.filter(function (id) { return id !== message.id; }), earlier); }
  }

  /* After a reset another message may bear the number of a lost one. */
  Chat.on('reset', function () {
    changed = {};
    newestId = 0;
    count([], 0);
  });

  /* What one has read elsewhere is no news here either. */
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
    readId: function () {  // of the message that is read, 0 at the end
      var held = isAtEnd ? null : anchor();
      return held ? held.id : 0;
    },
    isLatest: function () { return isLatest; },
    hasNewsBeyond: function (cursor) { return newestId > cursor; },
    setLatest: function (is) { isLatest = is; measure(); showJump(); },
    isSeen: function () { return isAtEnd && Chat.isVisible(); }
  };

  /* Where one begins: at the message that the address names, where one left off, or at the end. */

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

  /* The rule "New" is shown where it is out of view above. Where it is not here yet, one begins as near to it as can
     be, so that what stands between is not taken for read, and is led there if it is not too far. */
  function showNew() {
    var rule = Chat.separators.newRule();
    if (rule && rule.getBoundingClientRect().top < scroller.getBoundingClientRect().top) { showAtTop(rule); }
    if (rule || !Chat.byId('new-above')) { return; }
    scroller.scrollTop = 0;
    measure();
    Chat.history.olderToNew();
  }

  /* What the address names is shown: by this page where it holds the message, else by the one around it, in this
     one's place. The server is never told what stands behind the #. */

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
