/* The button beside a link that works once. Without script the link is there to be copied by hand. */
(function (Chat, document) {
  'use strict';

  var button = document.getElementById && document.getElementById('copy');
  if (!button) { return; }
  var field = document.getElementById('link');
  var status = document.getElementById('copied');

  /* Where copying is forbidden, the link stays selected, to be copied by hand. */
  function showResult(isCopied) {
    var words = button.getAttribute(isCopied ? 'data-copied' : 'data-not-copied');
    status.innerHTML = '';
    status.appendChild(document.createTextNode(words));
    if (isCopied) { button.focus(); }
  }

  button.onclick = Chat.guard(function () { Chat.copy.field(field, Chat.guard(showResult)); });
  document.getElementById('copying').removeAttribute('hidden');

}(window.Chat, document));
