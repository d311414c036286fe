/* Removing a message: for some seconds it can be undone, then the request is sent. It is sent at once when something
   else is done or the page is left; a request without an answer is stored, and sent again by the next page. A repeated
   one finds the message removed, so it does no harm. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var UNDO_MS = 5000;
  var KEPT = Chat.drawer + 'removing.';  // and the message's id: until when it can be taken back
  var rows = Chat.rows;
  var held = null;     // {id, timer}
  var unanswered = {};

  function begin(id, isByKey) {
    flush();
    held = { id: id, timer: Chat.later(flush, UNDO_MS) };
    Chat.localStorage.write(KEPT + id, Date.now() + UNDO_MS);
    show(rows.find(id));
    var button = rows.list.querySelector('.undo');
    if (button && isByKey) { return button.focus(); }
    rows.focus(rows.find(id));
    Chat.composer.focus();
  }

  function show(row) {
    if (!row || !row.querySelector('.text')) { return; }
    var line = Chat.make('p', 'gone leaving', Chat.word('removed') + ' ');
    line.setAttribute('role', 'status');
    line.appendChild(Chat.button('button undo', Chat.word('undo'), undo));
    Chat.log.keepView(function () {
      row.querySelector('.text').setAttribute('hidden', '');
      Chat.remove(row.querySelector('.acts'));
      row.appendChild(line);
    });
  }

  function giveBack(id, failure) {
    var row = rows.find(id);
    if (!row || !row.querySelector('.leaving')) { return; }
    Chat.log.keepView(function () {
      Chat.remove(row.querySelector('.leaving'));
      row.querySelector('.text').removeAttribute('hidden');
      if (failure) { row.appendChild(failure); }
    });
  }

  function undo() {
    if (!held) { return; }
    var id = letGo();
    Chat.localStorage.remove(KEPT + id);
    giveBack(id);
    rows.focus(rows.find(id));
  }

  function letGo() {
    var id = held.id;
    root.clearTimeout(held.timer);
    held = null;
    return id;
  }

  function flush() {
    if (held) { send(letGo()); }
  }

  function send(id) {
    unanswered[id] = true;
    takeAwayUndo(rows.find(id));
    Chat.net.post(Chat.url('remove', id), null, Chat.guard(function (answer) {
      delete unanswered[id];
      Chat.localStorage.remove(KEPT + id);
      if (answer.isOk && answer.json) { Chat.log.change(answer.json); }
      else { giveBack(id, complaint(Chat.net.reason(answer))); }
    }));
  }

  function takeAwayUndo(row) {
    var button = row && row.querySelector('.undo');
    if (button && button === document.activeElement) { rows.focus(row); }
    Chat.remove(button);
  }

  function complaint(reason) {
    var line = Chat.make('p', 'failure', reason);
    line.setAttribute('role', 'alert');
    Chat.later(function () { Chat.log.keepView(function () { Chat.remove(line); }); }, 8000);
    return line;
  }

  /* A page that is left aborts its requests. */
  function leave() {
    if (held) { unanswered[letGo()] = true; }
    for (var id in unanswered) { Chat.net.postLeaving(Chat.url('remove', Number(id)), {}); }
    unanswered = {};
  }

  /* Finish what another page of this person began; one that is still open has its time. */
  function resume() {
    Chat.each(Chat.localStorage.keys(KEPT), function (key) {
      var leftMs = Chat.localStorage.read(key) - Date.now();
      if (leftMs > 0 && leftMs <= UNDO_MS) { Chat.later(resume, leftMs + 1000); }
      else { send(Number(key.slice(KEPT.length))); }
    });
  }

  Chat.removal = { begin: begin, flush: flush };

  Chat.on('row', function (row) {
    if (held && rows.idOf(row) === held.id) { show(row); }
  });
  Chat.on('written', flush);

  Chat.start(function () {
    if (!Chat.me) { return; }
    resume();
    Chat.listen(document, 'submit', function (submission) {  // signing out, for instance, ends the right to remove
      if (!submission.defaultPrevented) { leave(); }
    });
    Chat.listen(root, 'pagehide', leave);
    Chat.listen(document, 'visibilitychange', function () { if (!Chat.isVisible()) { flush(); } });
  });

}(window.Chat, window, document));
