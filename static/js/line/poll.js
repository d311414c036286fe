/* The same events without a stream: polls that the server holds until there is news, where it can and nothing in
   between cuts them off; else polls at an interval, which grows while there is no news.

   Each poll measures anew: an empty answer that came late was held, one that came at once was not. Holds that
   break are tried shorter. Where the app names watermark files, they are looked at instead at the interval, and the
   app is asked for what they announce, and seldom otherwise. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var HOLD_SECONDS = 25;
  var LEAST_HOLD_SECONDS = 2;
  var HELD_MS = 1500;         // an empty answer after this long was held on purpose
  var GROW_AFTER = 10;        // answers, then a longer hold is tried: what broke it may be gone
  var INTERVAL_MS = 4000;
  var GROWTH = 1.25;
  var LONGEST_INTERVAL_MS = 30000;
  var HIDDEN_INTERVAL_MS = 60000;  // nobody sees the page
  var LONGEST_LOOK_MS = 10000;  // looks cost the app nothing
  var LOOK_MS_A_ROOM = 1000;
  var NEXT_HOLD_MS = 50;
  var PROMPT_MS = 4000;       // the time that a stream has for its greeting
  var ANSWER_MS = 15000;

  /* way: ask(query, done, timeoutMs) and get(url, done, timeoutMs) -> calls off; answered(json, isPrompt),
     refused(answer), setState(name, detail), isHidden(), cursor(). */
  Chat.poll = function (way) {
    var turn = 0;              // answers to an earlier turn come too late
    var timer = null;
    var callOff = null;
    var askedAt = 0;
    var lookedAt = 0;          // the same, or when the watermarks were read
    var fixedMs = 0;           // no holding, at this interval
    var isFirst = true;        // answered at once: it brings who is here, and shows that the way is open
    var isHeld = true;         // until an answer says otherwise
    var holdSeconds = HOLD_SECONDS;
    var brokenHolds = [];
    var answers = 0;
    var quietMs = 0;
    var presence = '';
    var watermarks = Chat.watermarks(way.get);
    var isLooking = false;
    var askBy = 0;             // when the app is asked whatever the watermarks say
    var isHurried = false;     // while an answer was on its way, which may lack a room

    function start(intervalMs) {
      stop();
      fixedMs = intervalMs || 0;
      isHeld = !fixedMs && holdSeconds > 0;
      quietMs = 0;
      presence = '';
      watermarks.forget();
      askNow();
    }

    function stop() {
      turn += 1;
      root.clearTimeout(timer);
      timer = null;
      isLooking = false;
      if (callOff) { callOff(); }
      callOff = null;
    }

    function askNow() {
      isFirst = true;
      ask();
    }

    function ask() {
      var mine = turn;
      var waitSeconds = fixedMs || isFirst ? 0 : holdSeconds;
      timer = null;
      isHurried = false;
      askedAt = lookedAt = Chat.elapsed();
      var query = { wait: waitSeconds };
      if (presence) { query.presence = presence; }
      callOff = way.ask(query, function (answer) {
        if (mine !== turn) { return; }
        callOff = null;
        take(answer, waitSeconds, Chat.elapsed() - askedAt);
      }, 1000 * waitSeconds + ANSWER_MS);
    }

    function take(answer, waitSeconds, tookMs) {
      var mine = turn;
      if (Chat.verdict(answer) !== 'news') {
        if (waitSeconds) { shorten(tookMs); }
        turn += 1;
        return way.refused(answer);
      }
      judge(answer.json, waitSeconds, tookMs);
      watermarks.take(answer.json);
      presence = answer.json.presence || '';
      way.answered(answer.json, tookMs < 1000 * waitSeconds + PROMPT_MS);
      if (mine === turn) { goOn(answer.json); }
    }

    /* Does this host hold polls, and does everything in between let it? */

    function judge(json, waitSeconds, tookMs) {
      answers += 1;
      if (waitSeconds) { brokenHolds = []; }
      if (holdSeconds < HOLD_SECONDS && answers % GROW_AFTER === 0) {
        holdSeconds = Math.min(HOLD_SECONDS, 2 * Math.max(holdSeconds, LEAST_HOLD_SECONDS));
      }
      if (waitSeconds && !json.events.length && !json.more) { isHeld = tookMs >= HELD_MS; }
    }

    /* One broken hold may be an accident; after two in a row holds become shorter. */
    function shorten(tookMs) {
      brokenHolds.push(tookMs);
      if (brokenHolds.length < 2) { return; }
      holdSeconds = Math.min(holdSeconds, Math.floor(0.75 * Math.max(brokenHolds[0], brokenHolds[1]) / 1000));
      if (holdSeconds < LEAST_HOLD_SECONDS) { holdSeconds = 0; }
      brokenHolds = [];
      answers = 0;
    }

    function goOn(json) {
      isFirst = false;
      if (json.more || (isHurried && hasWatermarks())) { return ask(); }
      if (isHeld) { return goOnAfter(NEXT_HOLD_MS); }
      var leastMs = Math.max(fixedMs, json.interval_ms || INTERVAL_MS);
      askBy = askedAt + (json.idle_ms || 0);
      if (isNews(json)) { quietMs = 0; }
      goOnAfter(hasWatermarks() ? leastMs : longer(leastMs, LONGEST_INTERVAL_MS));
    }

    function goOnAfter(pauseMs) {
      var isOften = !way.isHidden();
      if (isHeld && isOften) { way.setState('live'); }
      else { way.setState('checking', Math.round((isOften ? pauseMs : HIDDEN_INTERVAL_MS) / 1000)); }
      timer = Chat.later(goOnWhenDue, pauseMs);
    }

    function longer(leastMs, mostMs) {
      quietMs = Math.max(leastMs, Math.min(mostMs, GROWTH * quietMs));
      return quietMs;
    }

    function isNews(json) {
      var is = false;
      Chat.each(json.events, function (event) { is = is || event.id !== null; });
      return is;
    }

    function goOnWhenDue() {
      var leftMs = way.isHidden() ? HIDDEN_INTERVAL_MS - (Chat.elapsed() - lookedAt) : 0;
      if (leftMs <= 0) { return hasWatermarks() && Chat.elapsed() < askBy ? look() : ask(); }
      timer = Chat.later(goOnWhenDue, leftMs);
      way.setState('checking', HIDDEN_INTERVAL_MS / 1000);
    }

    function hasWatermarks() {
      return !isHeld && watermarks.count() > 0;
    }

    function look() {
      var mine = turn;
      timer = null;
      isLooking = true;
      lookedAt = Chat.elapsed();
      callOff = watermarks.look(way.cursor(), function (isQuiet) {
        if (mine !== turn) { return; }
        isLooking = false;
        callOff = null;
        if (!isQuiet) { return ask(); }
        goOnAfter(longer(Math.max(INTERVAL_MS, LOOK_MS_A_ROOM * watermarks.count()), LONGEST_LOOK_MS));
      });
    }

    /* A poll that is on its way is not interrupted; a look at watermarks is, because it may lack a room. */
    function hurry() {
      isHurried = true;
      if (!timer && !isLooking) { return; }
      stop();
      askNow();
    }

    return { start: start, stop: stop, hurry: hurry, hasWatermarks: hasWatermarks };
  };

}(this.Chat, this));
