/* The self-test's page: runs the trials, and shows what they found, which transport the chat will use here, and all of
   it as a report to copy. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var GRADES = { good: 'test-good', fair: 'test-fair', bad: 'test-bad' };
  var list = Chat.byId('findings');
  var left = Chat.trials.all.length;

  /* The first trial finds out whether anything answers; then all others run at the same time, each with its place in
     the list. */

  function start(trial) {
    var place = list.appendChild(document.createComment(''));
    function find(label, grade, words, values) {
      var row = Chat.make('li', grade);
      row.appendChild(Chat.make('b', '', Chat.word(label)));
      row.appendChild(Chat.make('i', 'grade', Chat.word(GRADES[grade])));
      row.appendChild(Chat.make('span', '', Chat.word(words, values)));
      list.insertBefore(row, place);
    }
    Chat.guard(trial)(find, Chat.guard(ended));
  }

  function ended() {
    left -= 1;
    if (left === Chat.trials.all.length - 1) { Chat.each(Chat.trials.all.slice(1), start); }
    if (!left) { conclude(); }
  }

  /* As the ladder decides: a stream that greets, else what the polls have shown. Somebody who may not read yet will
     have a stream, too, if the clock's got through. */
  function verdict(found) {
    var isRefused = found.stream === 'test-stream-refused';
    var mayLater = isRefused && !found.poll && found.clock;
    if (found.stream === 'test-stream-works' || mayLater) { return 'test-verdict-stream'; }
    if (found.held && found.stream !== 'test-stream-full') { return 'test-verdict-held'; }
    if (found.poll) { return 'test-verdict-short'; }
    return isRefused || found.clock ? 'test-verdict-refresh' : 'test-verdict-none';
  }

  function conclude() {
    var place = Chat.byId('verdict');
    place.textContent = Chat.word(verdict(Chat.trials.found));
    Chat.toggle(place, 'done', true);
    Chat.byId('copying').removeAttribute('hidden');
  }

  /* The report */

  function report() {
    var lines = [root.location.href];
    var names = Chat.byId('seen').querySelectorAll('dt');
    var values = Chat.byId('seen').querySelectorAll('dd');
    Chat.each(names, function (name, place) { lines.push(name.textContent + ': ' + values[place].textContent); });
    lines.push('', Chat.byId('verdict').textContent);
    Chat.each(list.querySelectorAll('li'), function (row) {
      lines.push(row.querySelector('b').textContent + ': ' + row.querySelector('span').textContent);
    });
    return lines.join('\n') + '\n';
  }

  function showCopied(isCopied) {
    Chat.byId('copied').textContent = isCopied ? Chat.word('test-copied') : Chat.word('test-copy-by-hand');
  }

  /* The text stays, to be copied by hand. */
  function copy() {
    var field = Chat.byId('report') || document.createElement('textarea');
    field.id = 'report';
    field.readOnly = true;
    field.rows = 12;
    field.value = report();
    Chat.byId('copying').parentNode.insertBefore(field, Chat.byId('copying').nextSibling);
    Chat.copy.field(field, showCopied);
  }

  Chat.byId('no-script').setAttribute('hidden', '');
  Chat.byId('tests').removeAttribute('hidden');
  Chat.listen(Chat.byId('copy'), 'click', copy);
  Chat.listen(Chat.byId('again'), 'click', function () { root.location.reload(); });
  start(Chat.trials.all[0]);

}(this.Chat, this, document));
