/* A form that was sent too soon counts the seconds down and then sends itself again: once, unless that is cancelled.
   It sends what it holds by then. The page that answers it only counts down, so that there is no loop. */
(function () {
  var line = document.getElementById && document.getElementById('wait');
  if (!line) { return; }
  var words = line.firstChild;
  var seconds = Number(line.getAttribute('data-seconds'));
  var due = new Date().getTime() + 1000 * seconds;
  var form = line.getAttribute('data-again') ? formTo(line.getAttribute('data-again')) : null;
  var cancel = form ? cancelButton() : null;
  var timer = setInterval(count, 250);
  count();

  function formTo(address) {
    for (var i = 0; i < document.forms.length; i += 1) {
      var to = document.forms[i].getAttribute('action') || '';
      if (to.split(/[?#]/)[0] === address) { return document.forms[i]; }
    }
    return null;
  }

  function cancelButton() {
    var button = document.createElement('button');
    var label = word('data-cancel');
    button.setAttribute('type', 'button');
    button.className = 'link';
    button.appendChild(document.createTextNode(label));
    button.onclick = leave;
    line.appendChild(document.createTextNode(' '));
    line.appendChild(button);
    form.onsubmit = stop;
    return button;
  }

  function count() {
    if (!line.parentNode) { return stop(); }  // another script has sent it, and removed the line
    // A clock that is set back must not make anybody wait longer than the page said.
    var left = Math.min(seconds, Math.ceil((due - new Date().getTime()) / 1000));
    if (left > 0) {
      show(word(form ? 'data-sending' : 'data-waiting').replace('{time}', minutes(left)));
    } else {
      stop();
      if (form) { send(); } else { show(word('data-ready')); }
    }
  }

  function word(name) {
    return line.getAttribute(name);
  }

  function minutes(left) {
    var second = left % 60;
    return Math.floor(left / 60) + (second < 10 ? ':0' : ':') + second;
  }

  function show(text) {
    if (words.nodeValue !== text) { words.nodeValue = text; }
  }

  function stop() {
    clearInterval(timer);
    removeButton();
  }

  function removeButton() {
    if (cancel) { line.removeChild(cancel); }
    cancel = null;
  }

  function leave() {
    removeButton();
    form = null;
    count();
  }

  function send() {
    var mark = document.createElement('input');
    mark.setAttribute('type', 'hidden');
    mark.setAttribute('name', 'again');
    mark.setAttribute('value', '1');
    form.appendChild(mark);
    show(word('data-ready'));  // seen when a field was left empty
    form.onsubmit = function () { show(word('data-sent')); };
    submitButton().click();  // as by hand, so that another script that sends this form can do so
  }

  function submitButton() {
    var buttons = form.getElementsByTagName('button');
    for (var i = 0; buttons[i].type !== 'submit'; i += 1) { }
    return buttons[i];
  }
}());
