/* Copying: by the selection, which works in every browser, else by the clipboard of secure pages. Plain pages copy a
   field, too, so that needs only core/base.js. */
(function (Chat, root, document) {
  'use strict';

  /* Copy the text of this field, and call `done` with whether that worked. */
  function copyField(field, done) {
    var isCopied = false;
    var clipboard = root.navigator && root.navigator.clipboard;
    field.focus();
    field.select();
    try { isCopied = document.execCommand('copy'); } catch (forbidden) { }
    if (isCopied || !clipboard) { return done(isCopied); }
    clipboard.writeText(field.value).then(function () { done(true); }, function () { done(false); });
  }

  function copyText(text, done) {
    var field = document.body.appendChild(Chat.make('textarea', 'unseen'));
    var focused = document.activeElement;
    field.readOnly = true;  // a touch screen opens no keyboard for it
    field.value = text;
    copyField(field, Chat.guard(done));
    Chat.remove(field);
    if (focused && focused.focus) { focused.focus(); }
  }

  Chat.copy = { field: copyField, text: copyText };

}(window.Chat, window, document));
