/* What is between two messages: a day rule, the rule "New", or nothing; and whether a message continues the one
   before. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var RUN_MS = 5 * 60 * 1000;  // within five minutes a name is shown once
  var rows = Chat.rows;

  var newId = Number(Chat.fact('new-id')) || 0;  // of the first unread message, whether it is here or not

  /* Correct what is before this row. */
  function mend(row) {
    if (!row) { return; }
    var earlier = rows.before(row);
    removeRules(earlier, row);
    var isNewDay = !earlier || dayOf(earlier) !== dayOf(row);
    var isFirstNew = newId > 0 && rows.idOf(row) === newId;
    if (isNewDay) { rows.list.insertBefore(dayRule(row), row); }
    if (isFirstNew) { rows.list.insertBefore(makeNewRule(), row); }
    Chat.toggle(row, 'grouped', !isNewDay && !isFirstNew && isRun(earlier, row));
  }

  /* Between rows that came with the page there is also white space. */
  function removeRules(earlier, row) {
    var node = row.previousSibling;
    while (node && node !== earlier) {
      var next = node.previousSibling;
      if (node.nodeType === 1 && Chat.has(node, 'rule')) { Chat.remove(node); }
      node = next;
    }
  }

  function dayOf(row) {
    return Chat.moments.dayOf(rows.momentOf(row));
  }

  function isRun(earlier, row) {
    var apartMs = Math.abs(rows.momentOf(row) - rows.momentOf(earlier));  // a clock may have been set back
    return rows.authorOf(earlier) === rows.authorOf(row) && apartMs <= RUN_MS;
  }

  function dayRule(row) {
    var rule = Chat.make('li', 'rule day');
    var time = Chat.make('time', '', Chat.times.dayLabel(rows.momentOf(row)));
    time.setAttribute('datetime', dayOf(row));
    rule.appendChild(Chat.make('h2')).appendChild(time);
    return rule;
  }

  function mendAll() {
    Chat.each(rows.list.querySelectorAll('.rule.day'), Chat.remove);
    Chat.each(rows.list.querySelectorAll('.message'), mend);
  }

  /* "New" appears once, before the first unread message, as soon as that is here. */

  function makeNewRule() {
    var rule = Chat.make('li', 'rule new');
    rule.appendChild(Chat.make('h2')).appendChild(Chat.make('span', '', Chat.word('new-rule')));
    Chat.remove(Chat.byId('new-above'));  // the link to it
    return rule;
  }

  function newRule() {
    return rows.list.querySelector('.rule.new');
  }

  /* 0: nothing is new any more. */
  function setNew(id) {
    var former = rows.find(newId);
    newId = id;
    Chat.remove(Chat.byId('new-above'));
    mend(former);
    mend(rows.find(id));
  }

  Chat.separators = {
    mend: mend, mendAll: mendAll, newRule: newRule, setNew: setNew,
    newId: function () { return newId; }
  };

  Chat.on('midnight', mendAll);

}(window.Chat));
