/* A message as a row: made from the server's html, decorated with what depends on the reader.

   The html holds nothing of this page: no word, clock time, link or right. Here they are supplied, for
   rows that came with the page as for those that a stream brings. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var list = Chat.byId('rows');
  var markedId = Number(Chat.fact('around')) || hashId();  // of the message that the address names

  /* The only place where a string becomes markup: the server has escaped it. */
  function fromHtml(html) {
    var mould = document.createElement('ol');
    mould.innerHTML = html;
    return mould.firstElementChild || mould.firstChild;
  }

  function fromMessage(message) {
    var row = fromHtml(message.html);
    row.chatBody = message.body;
    row.chatHtml = message.html;
    return decorate(row);
  }

  /* Update a row in place, without disturbing what is in use: the menu that it opened, the focus on its time, the
     reason why something failed. */
  function renew(row, message) {
    var fresh = fromMessage(message);
    var hadFocus = row.contains(document.activeElement);
    row.chatBody = message.body;
    row.chatHtml = message.html;
    unleave(row);
    swap(row, fresh, '.avatar');
    swap(row, fresh, '.byline');
    swap(row, fresh, '.with-note, .text, .gone');
    Chat.toggle(row, 'removed', Chat.has(fresh, 'removed'));
    if (message.removed) { Chat.remove(row.querySelector('.acts')); }
    if (hadFocus && !row.contains(document.activeElement)) { focus(row); }
  }

  /* End the state of a removal that can still be undone; removal.js shows it again, if it still applies. */
  function unleave(row) {
    if (!row.querySelector('.leaving')) { return; }
    Chat.remove(row.querySelector('.leaving'));
    row.querySelector('.text').removeAttribute('hidden');
  }

  function swap(row, fresh, selector) {
    var old = row.querySelector(selector);
    var next = fresh.querySelector(selector);
    if (old && next && !isSame(old, next)) { row.replaceChild(next, old); }
  }

  /* Attributes that scripts have set make no difference. */
  function isSame(one, other) {
    return one.className === other.className && plain(one) === plain(other);
  }

  function plain(part) {
    var text = Chat.has(part, 'text') ? part : part.querySelector('.text');  // with the note or without
    return text ? text.innerHTML.replace(/ tabindex="-?\d+"/g, '') : part.textContent;
  }

  /* Words, time, link, whose it is */

  function decorate(row) {
    supply(row, '.byline .bot', 'bot');
    supply(row, '.edited', 'edited');
    supply(row, '.gone.by-author', 'gone-by-author');
    supply(row, '.gone.by-owner', 'gone-by-owner');
    Chat.toggle(row, 'mine', Chat.me && authorOf(row) === Chat.me.id);
    setClock(row);
    mark(row);
    return row;
  }

  /* The number in #m57, or 0. */
  function hashId() {
    return Number((/^#m(\d{1,15})$/.exec(document.location.hash) || [])[1]) || 0;
  }

  function mark(row) {
    Chat.toggle(row, 'marked', markedId && idOf(row) === markedId);
  }

  function setMarked(id) {
    markedId = id;
    Chat.each(all(), mark);
  }

  function supply(row, selector, word) {
    var place = row.querySelector(selector);
    if (place) { place.textContent = Chat.word(word); }
  }

  function setClock(row) {
    var time = row.querySelector('.byline time');
    if (!time) { return; }
    time.textContent = Chat.moments.clock(momentOf(row));
    time.title = Chat.moments.exact(momentOf(row));
    if (!Chat.has(time.parentNode, 'when')) { link(time, idOf(row)); }
    Chat.remove(time.nextSibling);  // the server's zone
    var values = { name: row.querySelector('.author').textContent, time: time.textContent };
    time.parentNode.setAttribute('aria-label', Chat.word('message-by', values));
  }

  function link(time, id) {
    var when = Chat.make('a', 'when');
    when.href = Chat.url('message', id);
    time.parentNode.replaceChild(when, time);
    when.appendChild(time);
  }

  /* What a row knows about its message */

  function idOf(row) {
    return Number(row.getAttribute('data-id')) || 0;
  }

  function authorOf(row) {
    return row.getAttribute('data-author');
  }

  function momentOf(row) {
    if (!row.chatMoment) {
      var time = row.querySelector('.byline time');
      row.chatMoment = time ? Chat.moments.parse(time.getAttribute('datetime')) : Chat.times.now();
    }
    return row.chatMoment;
  }

  function isMessage(node) {
    return node.nodeType === 1 && Chat.has(node, 'message');
  }

  function isPending(row) {
    return !row.getAttribute('data-id');
  }

  /* The keyboard's stop in a row is its time. */
  function focus(row) {
    var when = row && row.querySelector('.when');
    if (when) { when.focus(); }
  }

  /* The row that contains this node, or null. */
  function rowOf(node) {
    while (node && node !== list && !isMessage(node)) { node = node.parentNode; }
    return node === list ? null : node;
  }

  /* Whether somebody uses the row: edits it, has its menu open, has the keyboard or a screen reader on it, or has
     selected some of it. Such a row is not removed. */
  function isInUse(row) {
    return Boolean(row.chatIsEditing || row.querySelector('.open, .leaving, [aria-expanded="true"]') ||
      row.contains(document.activeElement) || isSelected(row));
  }

  function isSelected(row) {
    var selection = root.getSelection && root.getSelection();
    if (!selection || selection.isCollapsed) { return false; }
    return selection.containsNode ? selection.containsNode(row, true)
      : row.contains(selection.anchorNode) || row.contains(selection.focusNode);
  }

  /* Walking the log */

  function before(node) {
    do { node = node.previousSibling; } while (node && !isMessage(node));
    return node;
  }

  function after(node) {
    do { node = node.nextSibling; } while (node && !isMessage(node));
    return node;
  }

  function first() {
    return list.querySelector('.message[data-id]');
  }

  function last() {
    var row = list.lastChild;
    while (row && !(isMessage(row) && !isPending(row))) { row = row.previousSibling; }
    return row;
  }

  function all() {
    return list.querySelectorAll('.message[data-id]');
  }

  /* All rows of a page are this room's, so a row is found by the id in its html. The line that says that a message is
     not there has that id, too. */
  function find(id) {
    var row = Chat.byId('m' + id);
    return row && isMessage(row) ? row : null;
  }

  Chat.rows = {
    list: list, fromMessage: fromMessage, renew: renew, decorate: decorate, isInUse: isInUse, idOf: idOf,
    authorOf: authorOf, momentOf: momentOf, isMessage: isMessage, isPending: isPending, before: before,
    after: after, first: first, last: last, all: all, find: find, focus: focus, rowOf: rowOf, hashId: hashId,
    setMarked: setMarked
  };

}(window.Chat, window, document));
