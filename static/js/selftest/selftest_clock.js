/* The self-test's trial of the server's clock: do ticks that are sent each second arrive each second, with names and
   ids, and does a stream that ended resume where it was? */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var SECONDS = 4;
  var PATIENCE_SECONDS = 14;
  var MOST_GAP_MS = 2500;
  var CLOSED = 2;
  var SKEW_SECONDS = 60;

  function address(lastId, query) {
    var fields = { seconds: SECONDS };
    for (var name in query) { fields[name] = query[name]; }
    if (lastId) { fields.last_event_id = lastId; }
    return Chat.request.uncached(Chat.request.withQuery(Chat.fact('url-clock'), fields));
  }

  /* An EventSource reconnects by itself, which is part of the trial. */
  function listenBySource(received, ended) {
    var source = new root.EventSource(address(0));
    Chat.each(['time', 'message', 'mode'], function (name) {
      Chat.listen(source, name, function (frame) { received(name, frame.data, frame.lastEventId); });
    });
    Chat.listen(source, 'error', function () { ended(source.readyState === CLOSED); });
    return function () { source.close(); };
  }

  function listenByRequest(source, received, ended) {
    var lastId = 0;
    var hasReturned = false;
    var close = begin();
    function begin() {
      return source.open(address(lastId, source.query), function (name, text, id) {
        lastId = id || lastId;
        received(name, text, id);
      }, function (isRefused) {
        ended(isRefused || hasReturned);
        if (!hasReturned) { close = begin(); }
        hasReturned = true;
      });
    }
    return function () { close(); };
  }

  Chat.trials.all.push(function (find, done) {
    var source = Chat.bestSource();
    var ticks = [];
    var hasEnded = false;
    var isFull = false;
    var returnedId = 0;
    var isOver = false;
    var callOff = Chat.countdown(PATIENCE_SECONDS, finish);
    if (!source) { return finish(); }
    var close = root.EventSource ? listenBySource(received, ended) : listenByRequest(source, received, ended);

    function received(name, text, id) {
      if (name === 'mode') { isFull = true; return finish(); }
      if (hasEnded) { returnedId = Number(id); return finish(); }
      var skewMs = Date.now() - Date.parse(JSON.parse(text).time);
      ticks.push({ name: name, id: Number(id), at: Chat.elapsed(), skewMs: skewMs });
    }

    function ended(isForGood) {
      hasEnded = true;
      if (isForGood) { finish(); }
    }

    function finish() {
      if (isOver) { return; }
      isOver = true;
      callOff();
      if (close) { close(); }
      Chat.trials.found.clock = reportPace(find, ticks, isFull);
      if (ticks.length) {
        reportNames(find, ticks);
        reportReturn(find, ticks[ticks.length - 1].id, returnedId);
        reportSkew(find, ticks[0].skewMs);
      }
      done();
    }
  });

  function reportPace(find, ticks, isFull) {
    var most = 0;
    for (var i = 1; i < ticks.length; i += 1) { most = Math.max(most, ticks[i].at - ticks[i - 1].at); }
    var spanMs = ticks.length ? ticks[ticks.length - 1].at - ticks[0].at : 0;
    var isEven = ticks.length > 1 && most < MOST_GAP_MS && spanMs > 500 * (ticks.length - 1);
    if (isFull) { find('test-clock', 'fair', 'test-stream-full'); }
    else if (!ticks.length) { find('test-clock', 'bad', 'test-clock-none'); }
    else if (!isEven) { find('test-clock', 'bad', 'test-clock-burst'); }
    else { find('test-clock', 'good', 'test-clock-works', { count: ticks.length, gap: most }); }
    return isEven;
  }

  function reportNames(find, ticks) {
    var count = { named: 0, unnamed: 0, ids: 0 };
    Chat.each(ticks, function (tick, place) {
      count[tick.name === 'message' ? 'unnamed' : 'named'] += 1;
      if (tick.id === place + 1) { count.ids += 1; }
    });
    if (count.named && count.unnamed && count.ids === ticks.length) { find('test-names', 'good', 'test-names-works'); }
    else { find('test-names', 'bad', 'test-names-not', count); }
  }

  function reportReturn(find, lastId, returnedId) {
    if (returnedId === lastId + 1) { find('test-return', 'good', 'test-return-works', { id: returnedId }); }
    else { find('test-return', 'fair', 'test-return-not'); }
  }

  function reportSkew(find, skewMs) {
    var seconds = Math.round(skewMs / 1000);
    if (Math.abs(seconds) > SKEW_SECONDS) { find('test-clock', 'fair', 'test-clock-skew', { seconds: seconds }); }
  }

}(this.Chat, this));
