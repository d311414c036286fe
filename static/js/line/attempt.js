/* One attempt at a stream, watched: `hello` must come within four seconds, and it must never be silent for long.

   The ways to open it are in `Chat.sources`, best first: {query, isThere(), open(url, received, ended) -> close}. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var GREETING_SECONDS = 4;  // without first bytes by then, something in between holds them back
  var SILENT_BEATS = 2.5;    // one heartbeat may be late; after two and a half the line is dead
  var BURST_MS = 2000;       // what comes with `hello` proves nothing about what comes later

  Chat.sources = [];
  Chat.EVENTS = ['hello', 'message', 'edit', 'remove', 'join', 'leave', 'room', 'read', 'listed', 'unlisted',
    'presence', 'typing', 'ping', 'reset', 'mode', 'bye'];

  /* Those that the log holds: each is passed on once. */
  Chat.LOGGED = { message: 1, edit: 1, remove: 1, join: 1, leave: 1, room: 1, read: 1, listed: 1, unlisted: 1 };

  /* The best source that works in this engine, or null. */
  Chat.bestSource = function () {
    var best = null;
    Chat.each(Chat.sources, function (source) {
      if (!best && source.isThere()) { best = source; }
    });
    return best;
  };

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch (damaged) {
      return null;
    }
  }

  /* `report` gets ('greeted', hello), ('event', name, id, data) and, once and last, ('ended', why, data): 'bye' and
     'mode' as the server sent them, 'refused' for good, 'broken' on the way, 'timeout' without a greeting, 'silent'. */
  Chat.attempt = function (source, url, report) {
    var attempt = { hasGreeted: false, livedMs: livedMs, hasFlowed: hasFlowed, close: close };
    var silenceMs = SILENT_BEATS * 15000;
    var greetedAt = 0;
    var receivedAt = 0;
    var isOver = false;
    var callOff = Chat.countdown(GREETING_SECONDS, function () { end('timeout'); });
    var watch = Chat.every(function () {
      if (attempt.hasGreeted && Chat.elapsed() - receivedAt > silenceMs) { end('silent'); }
    }, 1000);
    var closeSource = null;

    try {
      closeSource = source.open(Chat.request.uncached(url), receive, function (isRefused) {
        end(isRefused && !attempt.hasGreeted ? 'refused' : 'broken');
      });
    } catch (forbidden) {
      Chat.later(function () { end('refused'); }, 0);
    }

    function receive(name, text, id) {
      var data = parsed(text);
      if (isOver) { return; }
      receivedAt = Chat.elapsed();
      if (!data) { end('broken'); }  // the next brings it whole
      else if (name === 'hello') { greet(data); }
      else if (name === 'bye' || name === 'mode') { end(name, data); }
      else { report('event', name, Number(id) || 0, data); }
    }

    function greet(hello) {
      callOff();
      silenceMs = SILENT_BEATS * 1000 * hello.heartbeat_seconds || silenceMs;
      attempt.hasGreeted = true;
      greetedAt = Chat.elapsed();
      report('greeted', hello);
    }

    function livedMs() { return attempt.hasGreeted ? Chat.elapsed() - greetedAt : 0; }

    /* Whether anything flowed after the first burst, or it was held back from then on. */
    function hasFlowed() { return receivedAt - greetedAt > BURST_MS; }

    function end(why, data) {
      if (isOver) { return; }
      close();
      report('ended', why, data);
    }

    function close() {
      isOver = true;
      callOff();
      root.clearInterval(watch);
      if (closeSource) { closeSource(); }
    }

    return attempt;
  };

}(this.Chat, this));
