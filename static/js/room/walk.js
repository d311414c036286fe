/* The log as one stop of the Tab key. From there the arrows go from message to message, Enter opens the menu of the
   current one (acts.js), and Escape leads to the composer. Links in a text are stops while their message is the
   current one. Without script each time is a stop, as links are. */
(function (Chat, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var rows = Chat.rows;
  var scroller = Chat.log.scroller;
  var current = null;  // the row whose time is the stop

  function setStop(row, isStop) {
    Chat.each(row.querySelectorAll('a'), function (link) { link.tabIndex = isStop ? 0 : -1; });
    if (isStop) { describe(row); }
  }

  /* A screen reader that follows the focus reads the text with the time's name. */
  function describe(row) {
    var when = row.querySelector('.when');
    var text = row.querySelector('.text') || row.querySelector('.gone');
    if (!text || text.id) { return; }
    text.id = row.id + '-text';
    when.setAttribute('aria-describedby', text.id);
  }

  function stopAt(row) {
    if (current) { setStop(current, false); }
    current = row;
    if (row) { setStop(row, true); }
  }

  function isShown(row) {
    var view = scroller.getBoundingClientRect();
    var box = row.getBoundingClientRect();
    return box.bottom > view.top && box.top < view.bottom;
  }

  /* The stop stays where it was while that is in view; else it is the newest message that is. */
  function settle() {
    if (rows.list.contains(document.activeElement)) { return; }
    if (current && rows.list.contains(current) && isShown(current)) { return; }
    var row = rows.last();
    while (row && (rows.isPending(row) || !isShown(row))) { row = rows.before(row); }
    stopAt(row || rows.last());
  }

  function neighbour(row, step) {
    do { row = step(row); } while (row && rows.isPending(row));
    return row;
  }

  function pressed(press) {
    var row = rows.rowOf(press.target);
    if (!row || press.target.nodeName !== 'A' || Chat.isModified(press)) { return; }
    var key = Chat.keyOf(press);
    if (key === 'ArrowUp') { go(press, neighbour(row, rows.before)); }
    if (key === 'ArrowDown') { go(press, neighbour(row, rows.after)); }
    if (key === 'Home') { go(press, rows.first()); }
    if (key === 'End') { go(press, rows.last()); }
    if (key === 'Escape') { leave(press); }
  }

  /* Before the first there may be older ones, which are fetched. */
  function go(press, row) {
    press.preventDefault();
    if (!row) { return Chat.keyOf(press) === 'ArrowUp' && Chat.history.older(); }
    rows.focus(row);
  }

  function leave(press) {
    var field = Chat.byId('body') || Chat.byId('name');
    if (!field) { return; }
    press.preventDefault();
    field.focus();
  }

  Chat.on('row', function (row) {
    setStop(row, Boolean(current) && rows.idOf(row) === rows.idOf(current));
    if (current && rows.idOf(row) === rows.idOf(current)) { current = row; }
  });

  Chat.start(function () {
    scroller.removeAttribute('tabindex');
    Chat.byId('older').getElementsByTagName('a')[0].tabIndex = -1;  // the arrow beyond the first does the same
    settle();
    Chat.listen(rows.list, 'keydown', pressed);
    Chat.listen(rows.list, 'focusin', function (event) {
      var row = rows.rowOf(event.target);
      if (row && row !== current && !rows.isPending(row)) { stopAt(row); }
    });
    /* The stop is chosen when Tab is pressed. */
    document.addEventListener('keydown', Chat.guard(function (press) {
      if (press.key === 'Tab') { settle(); }
    }), true);
  });

}(window.Chat, document));
