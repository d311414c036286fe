/* Editing one's own message in its place. The text is the one that was written, not read back from its html. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var rows = Chat.rows;

  function begin(row) {
    if (row.chatIsEditing) { return; }
    Chat.removal.flush();
    if (row.chatBody !== undefined) { return open(row); }
    /* The message just below the next id is this one. */
    var query = { before: rows.idOf(row) + 1, limit: 1 };
    Chat.net.get(Chat.url('messages', Chat.room), query, function (answer) {
      var message = answer.json && answer.json.messages && answer.json.messages[0];
      if (!message || message.id !== rows.idOf(row)) { return; }
      row.chatBody = message.body;
      open(row);
    });
  }

  function open(row) {
    if (row.chatIsEditing || !row.parentNode) { return; }
    row.chatIsEditing = true;
    Chat.log.keepView(function () {
      Chat.toggle(row, 'editing', true);
      row.querySelector('.text').setAttribute('hidden', '');
      row.appendChild(formFor(row));
    });
    var area = row.querySelector('textarea');
    Chat.log.keepView(function () { Chat.composer.fit(area); });
    area.focus();
    area.selectionStart = area.value.length;
    show(row);
  }

  function formFor(row) {
    var form = Chat.make('form', 'edit-form');
    var area = form.appendChild(Chat.make('textarea'));
    area.value = row.chatBody;
    area.dir = 'auto';
    area.setAttribute('aria-label', Chat.word('edit-label'));
    var save = form.appendChild(Chat.make('button', 'button main', Chat.word('save')));
    save.type = 'submit';
    save.setAttribute('aria-keyshortcuts', 'Control+Enter Meta+Enter');
    form.appendChild(Chat.button('button', Chat.word('cancel'), function () { close(row); }));
    Chat.listen(form, 'submit', function (submission) {
      submission.preventDefault();
      submit(row, area);
    });
    Chat.listen(area, 'input', function () {
      Chat.log.keepView(function () { Chat.composer.fit(area); });
    });
    Chat.listen(area, 'keydown', function (press) { pressed(press, row, area); });
    return form;
  }

  function pressed(press, row, area) {
    if (Chat.keyOf(press) === 'Escape') {
      press.stopPropagation();
      close(row);
    } else if (Chat.keys.isToSend(press)) {
      press.preventDefault();
      submit(row, area);
    }
  }

  function submit(row, area) {
    var body = Chat.wellFormed(area.value);
    if (body === row.chatBody) { return close(row); }
    Chat.net.post(Chat.url('edit', rows.idOf(row)), { body: body }, Chat.guard(function (answer) {
      if (!answer.isOk || !answer.json) { return complain(row, Chat.net.reason(answer)); }
      Chat.log.change(answer.json);
      close(row);
    }));
  }

  function complain(row, reason) {
    Chat.remove(row.querySelector('.problem'));
    var line = Chat.make('p', 'problem', reason);
    line.setAttribute('role', 'alert');
    Chat.log.keepView(function () { row.querySelector('.edit-form').appendChild(line); });
  }

  /* Changes that came meanwhile from another device are shown now. */
  function close(row) {
    row.chatIsEditing = false;
    Chat.log.keepView(function () {
      Chat.remove(row.querySelector('.edit-form'));
      Chat.toggle(row, 'editing', false);
      var text = row.querySelector('.text');
      if (text) { text.removeAttribute('hidden'); }
      Chat.log.refresh(rows.idOf(row));
    });
    rows.focus(rows.find(rows.idOf(row)));
    Chat.composer.focus();
  }

  /* The form must not open below the edge of the view. */
  function show(row) {
    var view = Chat.log.scroller.getBoundingClientRect();
    var below = row.getBoundingClientRect().bottom - view.bottom;
    if (below > 0) { Chat.log.scroller.scrollTop += below + 8; }
  }

  function lastOwn() {
    var own = rows.list.querySelectorAll('.message.mine[data-id]');
    for (var i = own.length - 1; i >= 0; i -= 1) {
      if (!Chat.has(own[i], 'removed')) {
        begin(own[i]);
        return true;
      }
    }
    return false;
  }

  Chat.edit = { begin: begin, lastOwn: lastOwn };

}(window.Chat));
