/* The same events without a stream: polls that the server may hold, or at an interval where it cannot. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var HOLD_SECONDS = 25;
  var HELD_MS = 1500;        // an empty answer after this long was held on purpose
  var INTERVAL_MS = 4000;

  var turn = 0;              // answers to an earlier turn come too late
  var timer = null;
  var request = null;
  var intervalMs = 0;        // given by `mode`: no holding, at this interval
  var isHeld = true;
  var isFirst = true;        // answered at once: it brings who is here, and says that the way is open
  var presence = '';

  function start(fixedIntervalMs) {
    stop();
    intervalMs = fixedIntervalMs || 0;
    isHeld = !intervalMs;
    isFirst = true;
    Chat.connection.tell('connecting');
    ask();
  }

  function stop() {
    turn += 1;
    root.clearTimeout(timer);
    if (request) { request.abort(); }
    request = null;
  }

  function ask() {
    if (Chat.connection.mayTryStream()) { return Chat.connection.open(); }
    var mine = turn;
    var askedAt = Date.now();
    var query = { wait: intervalMs || isFirst ? 0 : HOLD_SECONDS };
    if (presence) { query.presence = presence; }
    request = Chat.net.get(Chat.connection.address('poll', query), null, function (answer) {
      if (mine !== turn) { return; }
      request = null;
      if (!isAnswer(answer)) { return refuse(answer); }
      Chat.connection.recover();
      judge(answer.json, Date.now() - askedAt);
      apply(answer.json);
      if (mine === turn) { goOn(answer.json); }
    }, 1000 * HOLD_SECONDS + 15000);
  }

  /* A gate in a hotel or a host in trouble says 200 to everything, with words of its own. */
  function isAnswer(answer) {
    return answer.isOk && Boolean(answer.json) && Boolean(answer.json.events) && answer.json.cursor >= 0;
  }

  function refuse(answer) {
    turn += 1;
    Chat.connection.refuse(answer);
  }

  /* Does this host hold? An empty answer tells: late, it does; at once, it does not. */
  function judge(answer, tookMs) {
    if (intervalMs || isFirst || answer.events.length || answer.more) { return; }
    isHeld = tookMs >= HELD_MS;
  }

  function apply(answer) {
    presence = answer.presence || '';
    Chat.each(answer.events, function (event) {
      Chat.connection.deliver(event.event, event.id, event.data);
    });
    Chat.connection.moveTo(answer.cursor);
  }

  function goOn(answer) {
    isFirst = false;
    if (!presence) { Chat.connection.askWho(); }  // whoever is somebody is in a room
    var pauseMs = isHeld ? 50 : intervalMs || answer.interval_ms || INTERVAL_MS;
    Chat.connection.tell(isHeld ? 'live' : 'checking', Math.round(pauseMs / 1000) || 1);
    timer = Chat.later(ask, answer.more ? 0 : pauseMs);
  }

  Chat.poll = { start: start, stop: stop, apply: apply, isAnswer: isAnswer };

}(window.Chat, window));
