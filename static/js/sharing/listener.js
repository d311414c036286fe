/* A tab on a line that it shares: it joins, catches up where its page is behind, and passes on what is news to it.

   First it joins, and only then asks for what it has missed, by a poll from its own cursor, which also brings who is
   here; what the line sends meanwhile waits. So nothing is lost between the two. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var ANSWER_MS = 4000;
  var MOST_TRIES = 2;     // a machine that was asleep may have missed the first
  var SILENT_MS = 50000;  // the carrier checks its tabs every 20 s

  /* `send(message)` reaches the carrier; `lost()` is called when it does not answer. */
  Chat.listener = function (place, emit, send, lost) {
    var tab = Math.random().toString(36).slice(2);
    var cursor = place.cursor;
    var stage = 'out';   // 'asking' to join, 'behind', 'in'; 'doubting' whether its own room is closed
    var hasBeenIn = false;
    var isOver = false;  // refused for good
    var number = 0;
    var waiting = [];    // what came while the tab was behind
    var lineState = ['connecting'];
    var askedAt = 0;
    var tries = 0;
    var receivedAt = 0;
    var cancel = null;   // calls off the poll that is on its way
    var timer = null;
    var backOff = Chat.backOff();

    function join() {
      halt();
      isOver = false;
      stage = 'asking';
      askedAt = Chat.elapsed();
      send({
        say: 'join', tab: tab, isHidden: place.isHidden(), kept: { roads: place.memory.get('roads') },
        place: { stream: place.stream, poll: place.poll, session: place.session, me: place.me, rooms: place.rooms,
          cursor: cursor }
      });
    }

    function leave() {
      if (stage === 'out') { return; }
      halt();
      stage = 'out';
      send({ say: 'leave', tab: tab });
    }

    function halt() {
      root.clearTimeout(timer);
      timer = null;
      if (cancel) { cancel(); }
      cancel = null;
      waiting = [];
    }

    /* Messages of the carrier */

    function receive(message) {
      if (stage === 'out') { return isOver && message.heard && message.heard[0] === 'refused' && pass(message.heard); }
      receivedAt = Chat.elapsed();
      if (message.say === 'joined') { return stage === 'asking' && joined(message); }
      if (message.say === 'again') { return join(); }
      if (message.say === 'there') { return send({ say: 'here', tab: tab }); }
      if (stage === 'asking' || stage === 'doubting') { return; }
      if (message.say === 'doubt') { return doubt(); }
      if (message.number > number + 1) { return join(); }
      number = Math.max(number, message.number);
      take(message.heard);
    }

    function joined(message) {
      tries = 0;
      number = message.number;
      lineState = message.state;
      stage = message.isFresh ? 'in' : 'behind';
      if (message.hello) { emit('event', 'hello', message.hello); }
      if (!message.isFresh) { return goOn(); }
      show();
      if (hasBeenIn) { prove(); }
      hasBeenIn = true;
    }

    function take(event) {
      if (event[0] === 'state') { lineState = event.slice(1); }
      if (stage === 'in' || lineState[0] === 'stopped') { return pass(event); }
      if (event[0] === 'state') { goOn(); }
      else { waiting.push(event); }
    }

    /* Catching up: while the line itself is not open, nothing else would get through. */

    function goOn() {
      if (lineState[0] === 'live' || lineState[0] === 'checking') { return cancel || timer || ask(); }
      show();
    }

    function ask() {
      timer = null;
      cancel = Chat.request.get(place.poll, { since: cursor, room: place.rooms }, function (answer) {
        var verdict = Chat.verdict(answer);
        cancel = null;
        if (verdict === 'news') { return catchUp(answer.json); }
        if (verdict === 'banned' || verdict === 'signed-out' || verdict === 'no-room') {
          return stop(verdict, answer.error);
        }
        var delayMs = backOff.next(answer.retryAfterMs);
        timer = Chat.later(ask, delayMs);
        emit('state', 'held', delayMs);
      });
    }

    function catchUp(news) {
      backOff.reset();
      Chat.each(news.events, function (event) { pass(['event', event.event, { id: event.id, data: event.data }]); });
      pass(['cursor', news.cursor]);
      if (news.more) { return ask(); }
      if (stage === 'doubting') { return join(); }
      if (hasBeenIn || !news.presence) { prove(); }  // a user is always in a room
      stage = 'in';
      hasBeenIn = true;
      Chat.each(waiting.splice(0, waiting.length), pass);
      if (stage === 'in') { show(); }
    }

    /* One of the line's rooms is closed to this user: each tab asks whether it is its own. */
    function doubt() {
      halt();
      stage = 'doubting';
      ask();
    }

    /* A line that was opened since may be somebody else's, when another tab has signed out or in meanwhile. */
    function prove() {
      if (!place.me) { return; }
      Chat.request.get(place.session, null, function (answer) {
        if (stage !== 'out' && Chat.isAnother(answer, place.me)) { stop('signed-out'); }
      });
    }

    function stop(why, error) {
      leave();
      emit('state', 'stopped', why);
      if (why === 'banned') { emit('refused', error); }
    }

    /* What is news to this page is passed on. */

    function pass(event) {
      if (event[0] === 'keep') { return place.memory.set(event[1], event[2]); }
      if (event[0] === 'event' && !isNews(event[1], event[2])) { return; }
      if (event[0] === 'cursor') { cursor = Math.max(cursor, event[1]); }
      if (event[0] === 'state' && event[1] === 'stopped') {
        halt();
        stage = 'out';
        isOver = true;
      }
      emit(event[0], event[1], event[2]);
    }

    function isNews(name, event) {
      var room = event.data.room || (name === 'room' && event.data.slug);
      if (place.rooms.length && room && place.rooms.indexOf(room) < 0) { return false; }
      if (name === 'reset') { cursor = event.data.cursor; }
      if (!Chat.LOGGED[name]) { return true; }
      if (event.id <= cursor) { return false; }
      cursor = event.id;
      return true;
    }

    function show() {
      emit('state', lineState[0], lineState[1]);
    }

    /* Silence */

    function watch() {
      var now = Chat.elapsed();
      if (stage === 'out' || stage === 'doubting') { return; }
      if (stage !== 'asking') { return now - receivedAt > SILENT_MS && join(); }
      if (now - askedAt < ANSWER_MS) { return; }
      tries += 1;
      if (tries < MOST_TRIES) { return join(); }
      tries = 0;
      lost();
    }

    function hurry() {
      if (stage === 'out') { return; }
      if (timer && backOff.mayHurry()) {
        root.clearTimeout(timer);
        ask();
      }
      send({ say: 'hurry', tab: tab });
    }

    Chat.every(watch, 1000);
    Chat.listen(document, 'visibilitychange', function () {
      if (stage !== 'out') { send({ say: 'look', tab: tab, isHidden: place.isHidden() }); }
    });

    return {
      tab: tab, join: join, leave: leave, receive: receive, hurry: hurry,
      isOut: function () { return stage === 'out'; },
      cursor: function () { return cursor; }
    };
  };

}(window.Chat, window, document));
