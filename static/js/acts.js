/* What one may do with one's own messages: by hover, by keyboard through the message's time, by finger
   through "⋯". The time links to the message's own page, where the same acts stand as plain forms. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var SURE_MS = 5000;  // so long does "Really remove?" wait for the second press
  var hasNoHover = Boolean(root.matchMedia && root.matchMedia('(hover: none)').matches);
  var rows = Chat.rows;

  function mayAct(row) {
    return row && Chat.has(row, 'mine') && !rows.isPending(row) && !Chat.has(row, 'removed');
  }

  function offer(row) {
    if (!mayAct(row) || row.querySelector('.acts')) { return; }
    var acts = Chat.make('span', 'acts');
    acts.setAttribute('role', 'group');
    acts.setAttribute('aria-label', Chat.word('acts'));
    acts.appendChild(moreButton(acts));
    acts.appendChild(Chat.button('edit', Chat.word('edit'), function () { Chat.edit.begin(row); }));
    acts.appendChild(removeButton(row));
    row.appendChild(acts);
  }

  function moreButton(acts) {
    var more = Chat.button('more', '⋯', function () {
      var isOpen = Chat.has(acts, 'open');
      closeAll();
      Chat.toggle(acts, 'open', !isOpen);
    });
    more.setAttribute('aria-label', Chat.word('acts'));
    return more;
  }

  /* Removing can't be undone, so the first press only asks. */
  function removeButton(row) {
    var button = Chat.button('remove', Chat.word('remove'), function () {
      if (Chat.has(button, 'sure')) { return remove(row, button); }
      ask(button, true);
      Chat.later(function () { ask(button, false); }, SURE_MS);
    });
    return button;
  }

  function ask(button, isAsking) {
    button.textContent = Chat.word(isAsking ? 'really' : 'remove');
    Chat.toggle(button, 'sure', isAsking);
  }

  function remove(row, button) {
    button.disabled = true;
    Chat.net.post(Chat.url('remove', rows.idOf(row)), null, Chat.guard(function (answer) {
      button.disabled = false;
      if (answer.isOk && answer.json) {
        Chat.composer.focus();
        return Chat.log.change(answer.json);
      }
      complain(row, Chat.net.reason(answer));
    }));
  }

  function complain(row, reason) {
    Chat.remove(row.querySelector('.failure'));
    var line = Chat.make('p', 'failure', reason);
    line.setAttribute('role', 'alert');
    Chat.log.keepView(function () { row.appendChild(line); });
    Chat.later(function () { Chat.log.keepView(function () { Chat.remove(line); }); }, 8000);
  }

  function closeAll() {
    Chat.each(rows.list.querySelectorAll('.acts.open'), function (acts) {
      Chat.toggle(acts, 'open', false);
    });
  }

  /* With a pointer the buttons are made when a row is first pointed at or reached by keyboard: fifty rows
     would otherwise be a hundred stops of the Tab key. */

  function rowOf(node) {
    while (node && node !== rows.list && !rows.isMessage(node)) { node = node.parentNode; }
    return node === rows.list ? null : node;
  }

  function reached(event) {
    offer(rowOf(event.target));
  }

  if (hasNoHover) { Chat.on('row', offer); }

  Chat.start(function () {
    Chat.listen(rows.list, 'mouseover', reached);
    Chat.listen(rows.list, 'focusin', reached);
    Chat.listen(document, 'click', function (click) {
      if (!click.target.parentNode || !Chat.has(click.target.parentNode, 'acts')) { closeAll(); }
    });
  });

}(window.Chat, window, document));
