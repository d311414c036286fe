/* What stands between two messages: a day rule, the rule "New", or nothing, when one goes on from the
   other. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var RUN_MS = 5 * 60 * 1000;  // within five minutes a name is said once
  var rows = Chat.rows;

  /* Set right what stands before this row. */
  function mend(row) {
    if (!row) { return; }
    var earlier = rows.before(row);
    var between = rulesBetween(earlier, row);
    Chat.remove(between.day);
    var isNewDay = !earlier || dayOf(earlier) !== dayOf(row);
    if (isNewDay) { rows.list.insertBefore(dayRule(row), between.fresh || row); }
    Chat.toggle(row, 'grouped', !isNewDay && !between.fresh && isRun(earlier, row));
  }

  function dayOf(row) {
    return Chat.times.dayOf(rows.momentOf(row));
  }

  function isRun(earlier, row) {
    var apartMs = rows.momentOf(row) - rows.momentOf(earlier);
    return rows.authorOf(earlier) === rows.authorOf(row) && apartMs >= 0 && apartMs <= RUN_MS;
  }

  function rulesBetween(earlier, row) {
    var found = { day: null, fresh: null };
    for (var node = row.previousSibling; node && node !== earlier; node = node.previousSibling) {
      if (node.nodeType !== 1) { continue; }
      if (Chat.has(node, 'day')) { found.day = node; }
      if (Chat.has(node, 'new')) { found.fresh = node; }
    }
    return found;
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

  /* "New" stands where one left off, once. */

  function newRule() {
    return rows.list.querySelector('.rule.new');
  }

  function clearNew() {
    var rule = newRule();
    if (!rule) { return; }
    var row = rows.after(rule);
    Chat.remove(rule);
    mend(row);
  }

  function markNew(row) {
    clearNew();
    var rule = Chat.make('li', 'rule new');
    rule.appendChild(Chat.make('h2')).appendChild(Chat.make('span', '', Chat.word('new-rule')));
    rows.list.insertBefore(rule, row);
    mend(row);
  }

  Chat.seams = { mend: mend, mendAll: mendAll, markNew: markNew, clearNew: clearNew, newRule: newRule };

  Chat.on('midnight', mendAll);

}(window.Chat));
