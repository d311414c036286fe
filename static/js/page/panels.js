/* On a phone: the rooms behind ☰ and the people behind "4 here"; and the height that the keyboard leaves.
   Without script the same links open the panels by :target. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var opened = null;  // {panel, button}

  function isOpen(panel) {
    return Boolean(opened) && opened.panel === panel;
  }

  function open(panel, button) {
    close();
    opened = { panel: panel, button: button };
    Chat.toggle(panel, 'open', true);
    Chat.emit('panel', panel);
    button.setAttribute('aria-expanded', 'true');
    setCovered(panel, true);
    panel.querySelector('.close').focus();
  }

  /* What an open panel covers cannot be reached; where `inert` is unknown, it is at least not read out. The room's
     name stays, because a page has a title whatever is open. */
  function setCovered(panel, isCovered) {
    var attribute = 'inert' in panel ? 'inert' : 'aria-hidden';
    Chat.each(document.querySelectorAll('.skip, .top a, .top ~ *, .panel'), function (part) {
      if (part === panel) { return; }
      if (isCovered) { part.setAttribute(attribute, 'true'); }
      else { part.removeAttribute(attribute); }
    });
  }

  function close() {
    if (!opened) { return; }
    var was = opened;
    opened = null;
    Chat.toggle(was.panel, 'open', false);
    was.button.setAttribute('aria-expanded', 'false');
    setCovered(was.panel, false);
    was.button.focus();
  }

  function isCovering() {
    return Boolean(opened) && opened.button.offsetWidth > 0;
  }

  /* In a window that was made wider a panel covers nothing. */
  function resized() {
    if (opened && !isCovering()) { close(); }
  }

  /* Where `inert` is unknown, the Tab key leads out of the panel: bring the focus back. */
  function keepFocus(event) {
    if (isCovering() && !opened.panel.contains(event.target)) { opened.panel.querySelector('.close').focus(); }
  }

  function attach(button, panel) {
    button.setAttribute('role', 'button');
    button.setAttribute('aria-expanded', 'false');
    button.setAttribute('aria-controls', panel.id);
    Chat.listen(button, 'click', function (click) {
      click.preventDefault();
      if (isOpen(panel)) { close(); } else { open(panel, button); }
    });
    Chat.listen(button, 'keydown', function (press) {
      if (press.key !== ' ') { return; }
      press.preventDefault();
      button.click();
    });
    Chat.listen(panel.querySelector('.close'), 'click', function (click) {
      click.preventDefault();
      close();
      leaveTarget();
    });
  }

  /* A panel opened by its address (#rooms) closes by another. */
  function leaveTarget() {
    if (/^#(rooms|people)$/.test(root.location.hash)) { root.location.replace('#main'); }
  }

  /* A press outside the panel closes it and does nothing else. */
  function closeOutside(click) {
    if (!isCovering() || opened.panel.contains(click.target) || opened.button.contains(click.target)) {
      return;
    }
    click.preventDefault();
    click.stopPropagation();
    close();
  }

  /* Some on-screen keyboards cover the page instead of making it smaller: fit the page into what is visible. */
  function fitHeight() {
    var view = root.visualViewport;
    var app = Chat.byId('chat');
    var isCovered = view.scale === 1 && view.height < root.innerHeight - 60;
    app.style.height = isCovered ? view.height + 'px' : '';
    if (isCovered) { root.scrollTo(0, 0); }
    if (Chat.log.isAtEnd()) { Chat.log.toEnd(); }
  }

  Chat.start(function () {
    attach(Chat.byId('to-rooms'), Chat.byId('rooms'));
    attach(Chat.byId('to-people'), Chat.byId('people'));
    document.addEventListener('click', Chat.guard(closeOutside), true);
    Chat.listen(document, 'focusin', keepFocus);
    Chat.listen(root, 'resize', resized);
    Chat.listen(document, 'keydown', function (press) {
      if (Chat.keyOf(press) === 'Escape') { close(); }
    });
    if (root.visualViewport) { Chat.listen(root.visualViewport, 'resize', fitHeight); }
  });

}(window.Chat, window, document));
