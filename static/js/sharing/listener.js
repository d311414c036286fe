/* A tab on a line that it shares: it joins, catches up where its page is behind, and hands on what is news to it.

   First it begins to hear, and only then asks for what it has missed, by a poll from its own cursor, which also
   brings who is here; what the line says meanwhile waits. So nothing falls between the two. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var ANSWER_MS = 4000;
  var MOST_TRIES = 2;     // a machine that slept has waited for the first
  var SILENT_MS = 50000;  // the roll is called every 20 s

  /* `tell(word)` goes to whoever carries the line; `lost()` is called when nobody answers there. */
  Chat.listener = function (place, hear, tell, lost) {
    var tab = Math.random().toString(36).slice(2);
    var cursor = place.cursor;
    var stage = 'out';   // 'asking' to join, 'behind', 'in'; 'doubting' whether its own room is closed
    var hasBeenIn = false;
    var isOver = false;  // refused for good
    var number = 0;
    var waiting = [];    // what was heard while one was behind
    var standing = ['connecting'];
    var askedAt = 0;
    var tries = 0;
    var heardAt = 0;
    var cancel = null;   // the poll that is asked
    var timer = null;
    var backOff = Chat.backOff();

    function join() {
      halt();
      isOver = false;
      stage = 'asking';
      askedAt = Chat.elapsed();
      tell({
        say: 'join', tab: tab, isHidden: place.isHidden(), kept: { roads: place.memory.get('roads') },
        place: { stream: place.stream, poll: place.poll, session: place.session, me: place.me, rooms: place.rooms,
          cursor: cursor }
      });
    }

    function leave() {
      if (stage === 'out') { return; }
      halt();
      stage = 'out';
      tell({ say: 'leave', tab: tab });
    }

    function halt() {
      root.clearTimeout(timer);
      timer = null;
      if (cancel) { cancel(); }
      cancel = null;
      waiting = [];
    }

    /* What the carrier says */

    function heard(word) {
      if (stage === 'out') { return isOver && word.heard && word.heard[0] === 'refused' && pass(word.heard); }
      heardAt = Chat.elapsed();
      if (word.say === 'joined') { return stage === 'asking' && joined(word); }
      if (word.say === 'again') { return join(); }
      if (word.say === 'there') { return tell({ say: 'here', tab: tab }); }
      if (stage === 'asking' || stage === 'doubting') { return; }
      if (word.say === 'doubt') { return doubt(); }
      if (word.number > number + 1) { return join(); }
      number = Math.max(number, word.number);
      take(word.heard);
    }

    function joined(word) {
      tries = 0;
      number = word.number;
      standing = word.state;
      stage = word.isFresh ? 'in' : 'behind';
      if (word.hello) { hear('event', 'hello', word.hello); }
      if (!word.isFresh) { return goOn(); }
      show();
      if (hasBeenIn) { prove(); }
      hasBeenIn = true;
    }

    function take(said) {
      if (said[0] === 'state') { standing = said.slice(1); }
      if (stage === 'in' || standing[0] === 'stopped') { return pass(said); }
      if (said[0] === 'state') { goOn(); }
      else { waiting.push(said); }
    }

    /* Catching up: while the line itself is not open, nothing else would get through. */

    function goOn() {
      if (standing[0] === 'live' || standing[0] === 'checking') { return cancel || timer || ask(); }
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
        hear('state', 'held', delayMs);
      });
    }

    function catchUp(news) {
      backOff.reset();
      Chat.each(news.events, function (event) { pass(['event', event.event, { id: event.id, data: event.data }]); });
      pass(['cursor', news.cursor]);
      if (news.more) { return ask(); }
      if (stage === 'doubting') { return join(); }
      if (hasBeenIn || !news.presence) { prove(); }  // whoever is somebody is in a room
      stage = 'in';
      hasBeenIn = true;
      Chat.each(waiting.splice(0, waiting.length), pass);
      if (stage === 'in') { show(); }
    }

    /* One of the rooms on the line is closed: each tab asks whether it is its own. */
    function doubt() {
      halt();
      stage = 'doubting';
      ask();
    }

    /* A line that was opened since may be another person's, whose tab has signed out or in meanwhile. */
    function prove() {
      if (!place.me) { return; }
      Chat.request.get(place.session, null, function (answer) {
        if (stage !== 'out' && Chat.isAnother(answer, place.me)) { stop('signed-out'); }
      });
    }

    function stop(why, error) {
      leave();
      hear('state', 'stopped', why);
      if (why === 'banned') { hear('refused', error); }
    }

    /* What is news to this page goes on to it. */

    function pass(said) {
      if (said[0] === 'keep') { return place.memory.set(said[1], said[2]); }
      if (said[0] === 'event' && !isNews(said[1], said[2])) { return; }
      if (said[0] === 'cursor') { cursor = Math.max(cursor, said[1]); }
      if (said[0] === 'state' && said[1] === 'stopped') {
        halt();
        stage = 'out';
        isOver = true;
      }
      hear(said[0], said[1], said[2]);
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
      hear('state', standing[0], standing[1]);
    }

    /* Silence */

    function watch() {
      var now = Chat.elapsed();
      if (stage === 'out' || stage === 'doubting') { return; }
      if (stage !== 'asking') { return now - heardAt > SILENT_MS && join(); }
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
      tell({ say: 'hurry', tab: tab });
    }

    Chat.every(watch, 1000);
    Chat.listen(document, 'visibilitychange', function () {
      if (stage !== 'out') { tell({ say: 'look', tab: tab, isHidden: place.isHidden() }); }
    });

    return {
      tab: tab, join: join, leave: leave, heard: heard, hurry: hurry,
      isOut: function () { return stage === 'out'; },
      cursor: function () { return cursor; }
    };
  };

}(window.Chat, window, document));
