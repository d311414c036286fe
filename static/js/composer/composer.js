/* The composer: Enter sends, Shift+Enter breaks the line (see keys.js); never disabled, nothing lost. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var MOST_LINES = 6;
  var form = Chat.byId('composer');
  var field = Chat.byId('body');
  var problem = Chat.byId('problem');
  var mostCharacters = Number(Chat.fact('max-body'));
  var refusal = '';  // why nothing can be posted here any more
  var problemNow = '';

  /* Grows to six lines: by its rows, which every browser knows. */
  function fit(area) {
    area.rows = 1;
    while (area.rows < MOST_LINES && area.scrollHeight > area.clientHeight + 2) { area.rows += 1; }
  }

  function fitField() {
    Chat.log.keepView(function () { fit(field); });
  }

  /* Counted as the server counts: code points, not the halves of which some consist. */
  function tooMany(text) {
    return text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g, '_').length - mostCharacters;
  }

  function setProblem(text) {
    problemNow = text;
    showProblem();
  }

  /* What is wrong with the text, else with the person's access, else with what waits. */
  function showProblem() {
    var text = problemNow || refusal || (Chat.outbox.isAtRisk() ? Chat.word('keep-open') : '');
    if (text === problem.textContent && Boolean(text) !== problem.hasAttribute('hidden')) { return; }
    Chat.log.keepView(function () {
      problem.textContent = text;
      if (text) { problem.removeAttribute('hidden'); }
      else { problem.setAttribute('hidden', ''); }
    });
  }

  /* The countdown of a plain form; from now on the queue takes care of that. */
  function callOffWait() {
    var wait = Chat.byId('wait');
    if (wait) { Chat.log.keepView(function () { Chat.remove(wait); }); }
  }

  function submit() {
    callOffWait();
    var body = field.value.replace(/\r\n?/g, '\n').replace(/^\s+|\s+$/g, '');
    if (!body) { return; }
    if (tooMany(body) > 0) { return setProblem(Chat.plural('too-long', tooMany(body))); }
    setProblem('');
    field.value = '';
    Chat.keep('draft.' + Chat.room, null);
    fitField();
    Chat.outbox.add(body);
  }

  function typed() {
    Chat.keep('draft.' + Chat.room, field.value || null);
    fitField();
    if (problemNow && tooMany(field.value) <= 0) { setProblem(''); }
    if (field.value) { Chat.emit('typed'); }
  }

  function pressed(press) {
    if (Chat.keys.isToSend(press)) {
      press.preventDefault();
      submit();
    } else if (Chat.keyOf(press) === 'ArrowUp' && !field.value) {
      if (Chat.edit.lastOwn()) { press.preventDefault(); }
    }
  }

  /* A text that comes back is put before what is there, on its own lines. */
  function take(text) {
    field.value = text + (field.value ? '\n' + field.value : '');
    typed();
    field.focus();
    field.setSelectionRange(text.length, text.length);
  }

  /* A text that the server gave back is newer than this tab's draft. */
  function restore() {
    if (!field.value) { field.value = Chat.kept('draft.' + Chat.room) || ''; }
    fit(field);
  }

  Chat.composer = {
    fit: fit, take: take, canTake: Boolean(form),
    focus: function () { if (field && !Chat.keys.isByFinger()) { field.focus(); } }
  };

  Chat.on('refused', function (error) {
    refusal = Chat.net.reason({ error: error });
    if (form) { setProblem(''); }
  });

  Chat.start(function () {
    if (!form) { return; }
    form.noValidate = true;
    problemNow = problem.textContent;  // of the server, beside the text that it gave back
    Chat.on('outbox', showProblem);
    restore();
    Chat.listen(form, 'submit', function (submission) {
      submission.preventDefault();
      submit();
      field.focus();
    });
    Chat.listen(field, 'input', typed);
    Chat.listen(field, 'keydown', pressed);
    Chat.composer.focus();
  });

}(window.Chat));
