/* The connection's state in words, only while something is wrong: a bar above the composer. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var PATIENCE_MS = 2000;  // a connection may take so long before that is shown
  var ICONS = { offline: 'offline', stopped: 'alert', refresh: 'alert' };  // all others wait for the clock

  var place = Chat.byId('state');
  var name = 'connecting';
  var detail;
  var heldUntil = 0;  // as Chat.elapsed() counts, whatever the clock shows
  var isSlow = false;
  var slowTimer = null;
  var shown = '';  // the words that are shown

  function isOffline() {
    return root.navigator.onLine === false;
  }

  function secondsLeft() {
    return Math.max(1, Math.ceil((heldUntil - Chat.elapsed()) / 1000));
  }

  function kind() {
    return name !== 'stopped' && isOffline() ? 'offline' : name;
  }

  function words() {
    var waiting = Chat.outbox.waiting();
    switch (kind()) {
    case 'live': return '';
    case 'connecting': return isSlow || shown ? Chat.word('connecting') : '';
    case 'stopped': return Chat.word(detail);
    case 'offline': return waiting ? Chat.plural('offline-waiting', waiting) : Chat.word('offline');
    case 'held': return Chat.plural('held-up', secondsLeft());
    case 'refresh': return Chat.word('in-the-way');
    default: return Chat.plural('checking', detail);
    }
  }

  /* Where it cannot go on by itself, there is a link beside the words: to sign in, or to reload the page. */
  function wayOn() {
    if (name === 'refresh') { return link('refresh', Chat.url('room', Chat.room)); }
    if (name !== 'stopped') { return null; }
    if (detail === 'signed-out') { return link('sign-in', Chat.url('sign-in')); }
    return detail === 'banned' ? link('retry', Chat.url('room', Chat.room)) : null;
  }

  function link(word, url) {
    var way = Chat.make('a', '', Chat.word(word));
    way.id = 'way-on';
    way.href = url;
    return way;
  }

  /* The view does not move while the bar comes, changes or goes; a countdown moves nothing, and is not read out each
     second. */
  function show(isTick) {
    var text = words();
    var isOther = Boolean(text) !== Boolean(shown) || place.className !== 'state ' + kind();
    if (text === shown && !isOther) { return; }
    shown = text;
    place.className = 'state ' + kind();
    place.setAttribute('aria-live', isTick === true ? 'off' : 'polite');
    if (isOther) { Chat.log.keepView(fill); }
    else if (isTick === true) { Chat.setText(place.querySelector('span'), shown); }
    else { fill(); }
  }

  function fill() {
    place.textContent = '';
    if (shown) { place.appendChild(make(shown)); }
  }

  function make(text) {
    var line = Chat.make('p', 'notice');
    line.appendChild(Chat.icon(ICONS[kind()] || 'clock'));
    line.appendChild(Chat.make('span', '', text));
    var way = wayOn();
    if (way) {
      line.appendChild(document.createTextNode(' '));
      line.appendChild(way);
    }
    return line;
  }

  function patience() {
    root.clearTimeout(slowTimer);
    isSlow = false;
    if (name !== 'connecting') { return; }
    slowTimer = Chat.later(function () {
      isSlow = true;
      show();
    }, PATIENCE_MS);
  }

  Chat.on('state', function (newName, newDetail) {
    if (name === 'refresh' && newName === 'connecting') { return; }  // one more try
    name = newName;
    detail = newDetail;
    if (name === 'held') { heldUntil = Chat.elapsed() + detail; }
    patience();
    show();
  });
  Chat.on('outbox', show);

  Chat.start(function () {
    patience();
    show();
    Chat.listen(root, 'online', show);
    Chat.listen(root, 'offline', show);
    Chat.every(function () { if (name === 'held') { show(true); } }, 500);
  });

}(window.Chat, window, document));
