/* Which key sends? Ctrl or Cmd with Enter everywhere; plain Enter on a real keyboard, while Enter on a screen's
   keyboard breaks the line.

   No browser tells which it is, so a device is judged by its behaviour. Android leaves the `code` of a key on the
   screen empty, iOS does not. Both shrink the page's view by their keyboard, and neither has arrows, Escape or a
   key for Shift alone: whoever presses those has a keyboard. Kept over reloads. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var KEYBOARD_PX = 150;  // a keyboard on the screen covers more than any bar of a browser
  var REAL = /^(Arrow|Shift|Control|Alt|Meta|Escape|Home$|End$|Page|Delete$|F\d)/;
  var isTouched = matches('(pointer: coarse)');  // by the last pointer event
  var hasKeys = Boolean(Chat.kept('keys'));
  var tallest = 0;  // the greatest height of the view at this width
  var width = 0;

  function matches(query) {
    return Boolean(root.matchMedia && root.matchMedia(query).matches);
  }

  /* Whether one writes on the screen alone, as far as is known. */
  function isByFinger() {
    return matches('(hover: none) and (pointer: coarse)') && !hasKeys;
  }

  function isNameless(press) {
    return 'code' in press && (!press.code || press.code === 'Unidentified');
  }

  function measure() {
    if (root.innerWidth !== width) { tallest = 0; }
    width = root.innerWidth;
    tallest = Math.max(tallest, root.innerHeight);
  }

  function isCovered() {
    var view = root.visualViewport;
    return Boolean(view) && tallest - view.height * view.scale > KEYBOARD_PX;
  }

  function isOnScreen(press) {
    var isHeld = matches('(hover: none)');  // in a hand
    return isByFinger() || (isNameless(press) && (isTouched || isHeld)) || (isHeld && isCovered());
  }

  /* Not an Enter that ends a word of an input method (some mark it only by the key code 229). */
  function isToSend(press) {
    if (press.key !== 'Enter' && press.keyCode !== 13) { return false; }
    if (press.isComposing || press.keyCode === 229) { return false; }
    return press.ctrlKey || press.metaKey || !(press.shiftKey || isOnScreen(press));
  }

  function pointed(event) {
    isTouched = event.pointerType ? event.pointerType === 'touch' : event.type === 'touchstart';
  }

  function pressed(press) {
    if (hasKeys || isNameless(press) || !REAL.test(press.key || '')) { return; }
    hasKeys = true;
    Chat.keep('keys', true);
  }

  Chat.keys = { isToSend: isToSend, isByFinger: isByFinger };

  measure();
  Chat.listen(root, 'resize', measure);
  Chat.listen(root.document, root.PointerEvent ? 'pointerdown' : 'touchstart', pointed);
  root.document.addEventListener('keydown', Chat.guard(pressed), true);

}(window.Chat, window));
