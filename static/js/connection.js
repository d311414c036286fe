/* The one connection of this page: a stream for all rooms, watched and reopened, or polls where no stream
   will do.

   It owns the cursor, hands every event on by its name, once, and says how it stands as `state`. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var NAMES = ['hello', 'message', 'edit', 'remove', 'join', 'leave', 'room', 'read', 'presence', 'typing',
    'ping', 'reset', 'mode', 'bye'];
  var LOGGED = { message: 1, edit: 1, remove: 1, join: 1, leave: 1, room: 1, read: 1 };

  var GREETING_MS = 10000;       // a proxy that keeps the first bytes for so long will not stream
  var AVOID_STREAM_MS = 300000;  // then polls do, and the stream is tried again after five minutes
  var SILENT_BEATS = 2.5;        // one heartbeat may be late; after two and a half the line is dead
  var LEAST_DELAY_MS = 100;
  var FIRST_SPAN_MS = 800;
  var QUICK_TRIES = 8;  /* before the span grows: a restart takes seconds, and to be refused costs nobody anything */
  var LONGEST_DELAY_MS = 30000;

  var cursor = Number(Chat.fact('cursor')) || 0;
  var heartbeatMs = 15000;
  var source = null;
  var hasGreeted = false;
  var heardAt = 0;
  var openedAt = 0;
  var failures = 0;
  var brokenStreams = 0;
  var pollUntil = 0;
  var retryTimer = null;
  var notBefore = 0;  // the server asked to wait until then
  var isStopped = false;
  var hasBeenLive = false;

  /* Where to ask: from the cursor on; a visitor names the room, others hear all of theirs. */

  function address(name, more) {
    var fields = { since: cursor };
    if (!Chat.me) { fields.room = Chat.room; }
    for (var key in more) { fields[key] = more[key]; }
    return Chat.net.withQuery(Chat.url(name), fields);
  }

  /* Every event, whichever way it came, passes here once. */

  function deliver(name, id, data) {
    if (name === 'reset') {
      cursor = data.cursor;
    } else if (LOGGED[name]) {
      if (id <= cursor) { return; }
      cursor = id;
    }
    Chat.emit(name, data);
  }

  function moveTo(id) {
    if (id > cursor) { cursor = id; }
  }

  /* The stream */

  function open() {
    close();
    isStopped = false;
    if (!root.EventSource || Date.now() < pollUntil) { return Chat.poll.start(); }
    var mine = source = new root.EventSource(address('stream'));
    hasGreeted = false;
    openedAt = heardAt = Date.now();
    tell('connecting');
    Chat.each(NAMES, function (name) {
      Chat.listen(mine, name, function (frame) {
        if (mine === source) { heard(name, frame); }
      });
    });
    Chat.listen(mine, 'error', function () {
      if (mine === source) { fail(); }
    });
  }

  function close() {
    root.clearTimeout(retryTimer);
    Chat.poll.stop();
    if (source) { source.close(); }
    source = null;
  }

  function heard(name, frame) {
    var data = JSON.parse(frame.data);
    heardAt = Date.now();
    if (name === 'hello') { greet(data); }
    else if (name === 'ping') { moveTo(Number(frame.lastEventId) || 0); }
    else if (name === 'bye') { leave(data); }
    else if (name === 'mode') { usePolls(data.interval_ms, 60000); }
    else { deliver(name, Number(frame.lastEventId), data); }
  }

  function greet(hello) {
    hasGreeted = true;
    brokenStreams = 0;
    heartbeatMs = 1000 * hello.heartbeat_seconds || heartbeatMs;
    moveTo(hello.cursor);
    tell('live');
    if (hasBeenLive) { askWho(); }
    hasBeenLive = true;
  }

  function leave(bye) {
    close();
    if (bye.reason === 'revoked') { askWhy(); }
    else { retryIn(bye.retry_ms || 1000); }
  }

  /* When it breaks: an EventSource hides the status, so /poll is asked once; everything else is tried again,
     after a delay drawn from the whole of a growing span, lest all come back at once. */

  function fail() {
    var isRefused = source.readyState === 2;
    if (hasGreeted && Date.now() - openedAt > 10000) { failures = 0; }
    close();
    if (isRefused) { askWhy(); }
    else { backOff(); }
  }

  function backOff(askedMs) {
    var spanMs = Math.min(LONGEST_DELAY_MS, FIRST_SPAN_MS * Math.pow(2, Math.max(0, failures + 1 - QUICK_TRIES)));
    failures += 1;
    notBefore = Date.now() + (askedMs || 0);
    retryIn((askedMs || LEAST_DELAY_MS) + Math.random() * spanMs);
  }

  function recover() {
    failures = 0;
  }

  function retryIn(delayMs) {
    root.clearTimeout(retryTimer);
    retryTimer = Chat.later(open, delayMs);
    tell('held', Date.now() + delayMs);
  }

  function askWhy() {
    tell('connecting');
    Chat.net.get(address('poll'), null, function (answer) {
      if (isStopped || source) { return; }
      if (!Chat.poll.isAnswer(answer)) { return refuse(answer); }
      Chat.poll.apply(answer.json);
      brokenStreams += 1;
      askWho(function () {
        if (brokenStreams > 2) { usePolls(0, AVOID_STREAM_MS); }
        else { backOff(); }
      });
    });
  }

  /* Whose session has ended may read on as a visitor, but their own rooms are silent then: the page must not
     look alive. */
  function askWho(goOn) {
    if (!Chat.me) { return goOn && goOn(); }
    Chat.net.get(Chat.url('session'), null, function (answer) {
      var user = answer.json && answer.json.user;
      var isAnother = answer.isOk && answer.json && !(user && String(user.id) === Chat.me.id);
      if (isStopped) { return; }
      if (isAnother) { stop('signed-out'); }
      else if (goOn) { goOn(); }
    });
  }

  function refuse(answer) {
    var code = answer.error && answer.error.code;
    if (answer.status === 401) { stop('signed-out'); }
    else if (code === 'banned') { stop('banned', answer.error); }
    else if (answer.status === 403 || answer.status === 404) { stop('no-room'); }
    else { backOff(answer.retryAfterMs); }
  }

  function stop(why, error) {
    close();
    isStopped = true;
    tell('stopped', why);
    if (error) { Chat.emit('refused', error); }
  }

  function usePolls(intervalMs, durationMs) {
    close();
    pollUntil = Date.now() + durationMs;
    Chat.poll.start(intervalMs);
  }

  /* A line that died without a word is found by its silence; the network's return is not waited for. */

  function watch() {
    if (!source) { return; }
    var silentMs = Date.now() - heardAt;
    if (hasGreeted && silentMs > SILENT_BEATS * heartbeatMs) { open(); }
    else if (!hasGreeted && silentMs > GREETING_MS) { giveUpGreeting(); }
  }

  function giveUpGreeting() {
    close();
    brokenStreams += 1;
    if (brokenStreams > 1) { usePolls(0, AVOID_STREAM_MS); }
    else { askWhy(); }
  }

  /* The network is back, or somebody looks: a try is worth it now, unless the server asked to wait. */
  function hurry() {
    if (isStopped || (source && hasGreeted) || Date.now() < notBefore) { return; }
    recover();
    open();
  }

  function tell(name, detail) {
    connection.state = name;
    Chat.emit('state', name, detail);
  }

  var connection = Chat.connection = {
    state: 'connecting',
    open: open,
    close: close,
    address: address,
    deliver: deliver,
    moveTo: moveTo,
    backOff: backOff,
    recover: recover,
    refuse: refuse,
    askWho: askWho,
    tell: tell,
    mayTryStream: function () { return Boolean(root.EventSource) && Date.now() >= pollUntil; }
  };

  Chat.on('another', askWho);

  Chat.start(function () {
    Chat.every(watch, 1000);
    Chat.listen(root, 'online', hurry);
    Chat.listen(document, 'visibilitychange', function () {
      if (Chat.isVisible() && connection.state === 'held') { hurry(); }
    });
    Chat.listen(root, 'pagehide', close);
    Chat.listen(root, 'pageshow', function (shown) { if (shown.persisted) { open(); } });
    open();
  });

}(window.Chat, window, document));
