/* Copying: by the selection, which every browser knows, else by the clipboard of secure pages. A field is copied on plain
   pages as well, so that needs only core/base.js. */
(function (Chat, root, document) {
  'use strict';

  /* Copy what stands in this field, and tell `done` whether that worked. */
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
