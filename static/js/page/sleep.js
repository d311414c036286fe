/* A form's button is disabled while the form is being sent, so that nobody wonders whether they have pressed it. Needs
   none of the other scripts, and runs in every browser with script; sending a form twice does no harm anyway. */
(function (root, document) {
  'use strict';

  var WAKE_MS = 10000;  // somebody who stopped the page from loading, or was offline, may try again

  function listen(target, type, callback) {
    if (target.addEventListener) { target.addEventListener(type, callback, false); }
    else if (target.attachEvent) { target.attachEvent('on' + type, callback); }
  }

  /* The state is the button's attribute, which screen readers know; it keeps the focus, and the form its fields. */
  function setAsleep(form, isAsleep) {
    var buttons = form.getElementsByTagName('button');
    for (var i = 0; i < buttons.length; i += 1) {
      if (buttons[i].type !== 'submit') { continue; }
      if (isAsleep) { buttons[i].setAttribute('aria-disabled', 'true'); }
      else { buttons[i].removeAttribute('aria-disabled'); }
    }
  }

  function watch(form) {
    var isAsleep = false;
    var timer = null;

    function wake() {
      root.clearTimeout(timer);
      isAsleep = false;
      setAsleep(form, false);
    }

    function submitted(event) {
      if (isAsleep) {
        if (event.preventDefault) { event.preventDefault(); }
        event.returnValue = false;
        return;
      }
      /* After all other listeners: a script that sends the form itself has prevented the default. */
      root.setTimeout(function () {
        if (event.defaultPrevented) { return; }
        isAsleep = true;
        setAsleep(form, true);
        timer = root.setTimeout(wake, WAKE_MS);
      }, 0);
    }

    listen(form, 'submit', submitted);
    listen(root, 'pageshow', wake);  // Back shows the page as it was left
  }

  var forms = document.forms || [];
  for (var i = 0; i < forms.length; i += 1) {
    if (forms[i].method === 'post') { watch(forms[i]); }
  }

}(window, document));
