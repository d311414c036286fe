/* Watermark files: for each room the web server serves a small file with the id of the newest event, and the app is
   asked only when that is beyond the cursor.

   The app names the files with each answer. One that cannot be read may have another name by now, so the app
   is asked, too. When one is named again although it cannot be read, or disagrees with the app (a cache, a captive
   portal, a server that does not serve it), files are not used for a while, and polls go on without them. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var MOST_FAILURES = 2;     // in a row; a single one may be an accident
  var DISBELIEF_MS = 300000;          // and twice as long each time, until one has announced something
  var LONGEST_DISBELIEF_MS = 3600000;
  var ANSWER_MS = 15000;
  var ROOM_EVENTS = { message: 1, edit: 1, remove: 1 };  // those that come by the room's own channel only

  /* get(url, done, timeoutMs) -> calls off. */
  Chat.watermarks = function (get) {
    var urls = {};      // by room, as the app named them last
    var newest = {};    // by room, the newest event that the app sent: its file must be as new
    var doubted = null; // what made the app be asked: {room, url, number}, number null when there was none
    var failures = 0;
    var disbeliefMs = DISBELIEF_MS;
    var disbelievedUntil = 0;

    function rooms() {
      var all = [];
      for (var room in urls) { all.push(room); }
      return all;
    }

    /* The app's answer names the files, and shows whether what was read before was right. */
    function take(json) {
      var named = json.head_urls || {};
      Chat.each(json.events, note);
      if (doubted && !json.more) { judge(json); }
      for (var room in named) {
        if (urls[room] && named[room] !== urls[room]) { delete newest[room]; }  // started anew
      }
      urls = named;
    }

    function note(event) {
      if (event.event === 'reset') { newest = {}; }
      if (ROOM_EVENTS[event.event]) { newest[event.data.room] = Math.max(event.id, newest[event.data.room] || 0); }
    }

    function judge(json) {
      var isSame = (json.head_urls || {})[doubted.room] === doubted.url;
      var isRight = doubted.number === null ? !isSame : doubted.number <= json.cursor;
      if (isRight && doubted.number) { disbeliefMs = DISBELIEF_MS; }
      doubted = null;
      failures = isRight ? 0 : failures + 1;
      if (failures < MOST_FAILURES) { return; }
      failures = 0;
      disbelievedUntil = Chat.elapsed() + disbeliefMs;
      disbeliefMs = Math.min(LONGEST_DISBELIEF_MS, 2 * disbeliefMs);
    }

    /* Read the files one by one, until one is beyond the cursor or cannot be read: done(isQuiet). */
    function look(cursor, done) {
      var left = rooms();
      var callOff = null;
      next();

      function next() {
        var room = left.shift();
        if (!room) {
          failures = 0;
          return done(true);
        }
        callOff = get(urls[room], function (answer) {
          var number = answer.isOk && typeof answer.json === 'number' ? answer.json : null;
          if (number < newest[room]) { number = null; }
          if (number !== null && number <= cursor) { return next(); }
          doubted = { room: room, url: urls[room], number: number };
          done(false);
        }, ANSWER_MS);
      }

      return function () { if (callOff) { callOff(); } };
    }

    return {
      take: take,
      look: look,
      count: function () { return Chat.elapsed() < disbelievedUntil ? 0 : rooms().length; },
      forget: function () {  // before a new start: what was doubted may have been in another network
        doubted = null;
        urls = {};
      }
    };
  };

}(this.Chat));
