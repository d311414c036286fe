/* How the connection stands, in words, with a dot before them that never says more than they do. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var line = Chat.byId('state');
  var text = line.getElementsByTagName('span')[0];
  var name = 'connecting';
  var detail;
  var heldUntil = 0;  // by the time that passes, whatever the clock says

  function isOffline() {
    return root.navigator.onLine === false;
  }

  function secondsLeft() {
    return Math.max(1, Math.ceil((heldUntil - Chat.elapsed()) / 1000));
  }

  function words() {
    var waiting = Chat.outbox.waiting();
    if (name === 'stopped') { return Chat.word(detail); }
    if (isOffline()) { return waiting ? Chat.plural('offline-waiting', waiting) : Chat.word('offline'); }
    if (name === 'held') { return Chat.plural('held-up', secondsLeft()); }
    if (name === 'refresh') { return Chat.word('in-the-way'); }
    if (name === 'checking') { return Chat.plural('checking', detail); }
    return Chat.word(name);
  }

  function show() {
    var now = words();
    if (text.textContent !== now) { text.textContent = now; }
    line.className = 'state ' + (isOffline() ? 'offline' : name === 'refresh' ? 'held' : name);
  }

  /* Where it cannot go on by itself, the way on stands beside the words: a new name, or the page anew. */
  function offerWay() {
    if (name === 'live' || name === 'checking') { Chat.remove(Chat.byId('way-on')); }
    if (Chat.byId('way-on')) { return; }
    if (name === 'refresh') { offer(Chat.word('refresh'), Chat.url('room', Chat.room)); }
    if (name !== 'stopped') { return; }
    if (detail === 'signed-out') { offer(Chat.word('sign-in'), Chat.url('sign-in')); }
    if (detail === 'banned') { offer(Chat.word('retry'), Chat.url('room', Chat.room)); }
  }

  function offer(text, url) {
    var link = Chat.make('a', '', text);
    link.id = 'way-on';
    link.href = url;
    line.appendChild(document.createTextNode(' '));
    line.appendChild(link);
  }

  Chat.on('state', function (newName, newDetail) {
    if (name === 'refresh' && newName === 'connecting') { return; }  // one more try
    name = newName;
    detail = newDetail;
    if (name === 'held') { heldUntil = Chat.elapsed() + detail; }
    show();
    offerWay();
  });
  Chat.on('outbox', show);

  Chat.start(function () {
    line.removeAttribute('hidden');
    show();
    Chat.listen(root, 'online', show);
    Chat.listen(root, 'offline', show);
    Chat.every(function () { if (name === 'held') { show(); } }, 500);
  });

}(window.Chat, window, document));
