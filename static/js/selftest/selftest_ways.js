/* The self-test's trials of the transports: polls and streams.

   Each trial is called with find(label, grade, words, values), which notes a finding, and done(), and puts what the
   verdict needs into Chat.trials.found. Every stream is closed as soon as it has brought something. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var TRIPS = 4;
  var HOLD_SECONDS = 4;
  var HELD_MS = 1500;
  var SLOW_TRIP_MS = 1000;
  var BEHIND_MS = 300;

  var trials = Chat.trials = { all: [], found: {} };

  function poll(fields, done, timeoutMs) {
    var askedAt = Chat.elapsed();
    Chat.request.get(Chat.fact('url-poll'), fields, function (answer) {
      done(answer, Chat.verdict(answer), Chat.elapsed() - askedAt);
    }, timeoutMs);
  }

  /* Requests there and back; the quickest counts, since the first one opens the connection. */

  trials.all.push(function (find, done) {
    var left = TRIPS;
    var bestMs = Infinity;
    function again() {
      poll({ wait: 0 }, function (answer, verdict, tookMs) {
        left -= 1;
        bestMs = Math.min(bestMs, tookMs);
        trials.found.cursor = answer.json && answer.json.cursor;
        if (verdict === 'news' && left) { again(); }
        else { finish(answer, verdict); }
      });
    }
    function finish(answer, verdict) {
      var isOurs = verdict !== 'nothing' && verdict !== 'other' && verdict !== 'scarce';
      if (isOurs) { find('test-trip', bestMs < SLOW_TRIP_MS ? 'good' : 'fair', 'test-trip-took', { ms: bestMs }); }
      else if (verdict === 'nothing') { find('test-trip', 'bad', 'test-trip-none'); }
      else { find('test-trip', 'bad', 'test-trip-gate', { status: answer.status }); }
      trials.found.poll = verdict === 'news';
      if (verdict === 'news') { find('test-poll', 'good', 'test-poll-works'); }
      else if (answer.error) { find('test-poll', 'fair', 'test-poll-refused', { words: answer.error.message }); }
      done();
    }
    again();
  });

  trials.all.push(function (find, done) {
    if (!trials.found.poll) { return done(); }
    poll({ wait: HOLD_SECONDS, since: trials.found.cursor }, function (answer, verdict, tookMs) {
      var seconds = Math.round(tookMs / 1000);
      trials.found.held = verdict === 'news' && tookMs >= HELD_MS;
      if (trials.found.held) { find('test-held', 'good', 'test-held-works', { seconds: seconds }); }
      else if (verdict === 'news') { find('test-held', 'fair', 'test-held-not'); }
      else { find('test-held', 'fair', 'test-held-lost', { seconds: seconds }); }
      done();
    }, 1000 * (HOLD_SECONDS + 8));
  });

  /* The chat's own stream, by all sources of this browser; the chat uses the first that is there. */

  trials.all.push(function (find, done) {
    var hasSource = Boolean(root.EventSource);
    find('test-source', hasSource ? 'good' : 'fair', hasSource ? 'test-source-there' : 'test-source-not');
    tryStreams(find, Chat.sources.slice(0), done);
  });

  function tryStreams(find, sources, done) {
    var source = sources.shift();
    if (!source) { return done(); }
    if (!source.isThere()) { return tryStreams(find, sources, done); }
    tryStream(source, function (how, grade, values) {
      if (!trials.found.stream) { trials.found.stream = how; }
      find(source.query.padding ? 'test-stream-xhr' : 'test-stream', grade, how, values);
      tryStreams(find, sources, done);
    });
  }

  var ENDS = {
    timeout: 'test-stream-unheard', broken: 'test-stream-broken', silent: 'test-stream-broken',
    bye: 'test-stream-broken', refused: 'test-stream-refused', mode: 'test-stream-full'
  };

  function tryStream(source, done) {
    var askedAt = Chat.elapsed();
    var isOver = false;
    var greetedMs = 0;
    var url = Chat.request.withQuery(Chat.fact('url-stream'), source.query);
    var attempt = Chat.attempt(source, url, function (what, why) {
      if (what === 'greeted') {
        greetedMs = Chat.elapsed() - askedAt;
        /* `mode` comes right behind `hello`. */
        Chat.later(function () { finish('test-stream-works', 'good', { ms: greetedMs }); }, BEHIND_MS);
      } else if (what === 'ended') {
        finish(ENDS[why], why === 'mode' || why === 'refused' ? 'fair' : 'bad');
      }
    });
    function finish(how, grade, values) {
      if (isOver) { return; }
      isOver = true;
      attempt.close();
      done(how, grade, values);
    }
  }

  /* How many connections there are for all tabs together */

  trials.all.push(function (find, done) {
    var clock = root.performance;
    var entries = clock && clock.getEntriesByType ? clock.getEntriesByType('resource') : [];
    var last = entries[entries.length - 1];
    var name = last && last.nextHopProtocol;
    if (!name) { return done(); }
    find('test-protocol', 'good', /^h[23]/.test(name) ? 'test-protocol-many' : 'test-protocol-six', { name: name });
    done();
  });

}(this.Chat, this));
