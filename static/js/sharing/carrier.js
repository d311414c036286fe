/* Whoever has the one line of a browser carries for all tabs of a person: a SharedWorker, or the tab that leads.

   What the line hears is told to every tab that has joined, under a number, so that a tab notices when it has
   missed something; what it has already it drops itself. A tab that comes to an open line catches up by itself.
   But a visitor's tab in a room that is not heard yet has the line opened anew, for more rooms and from the
   smallest cursor, because a cursor holds only for the rooms that it was read with. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var ROLL_CALL_MS = 20000;
  var PATIENCE_MS = 90000;  // whoever is silent for so long is gone: a browser may slow timers, not messages

  /* `tellAll(tabs, word)` must say the word to each of the tabs, in the order in which it is called. */
  Chat.carrier = function (tellAll) {
    var tabs = {};     // id → {tell, isHidden, heardAt}
    var line = null;
    var isOver = false;  // it was refused for good: whoever joins now has it tried anew
    var rooms = [];
    var number = 0;
    var standing = null;
    var hello = null;
    var kept = {};     // what the line remembers, which only a page can store
    var clock = Chat.every(callTheRoll, ROLL_CALL_MS);

    /* What a tab says; `tell` answers that tab alone. */
    function hear(word, tell) {
      var tab = tabs[word.tab];
      if (word.say === 'join') { return join(word, tell); }
      if (word.say === 'leave') { return forget(word.tab); }
      if (!tab) { return tell({ say: 'again' }); }
      tab.heardAt = Chat.elapsed();
      if (word.say === 'look') { tab.isHidden = word.isHidden; }
      if (word.say === 'hurry') { line.hurry(); }
    }

    function join(word, tell) {
      var isNew = !line || isOver;
      var more = word.place.rooms.filter(function (room) { return rooms.indexOf(room) < 0; });
      if (isNew) { make(word); }
      else if (!tabs[word.tab] && standing.name === 'checking') { line.hurry(); }  // it may have joined a room
      tabs[word.tab] = { tell: tell, isHidden: word.isHidden, heardAt: Chat.elapsed() };
      if (!isNew && more.length) { widen(more, word.place.cursor); }
      tell({ say: 'joined', number: number, isFresh: isNew || more.length > 0, state: state(), hello: hello });
      if (isNew) { line.open(); }
    }

    function make(word) {
      tabs = {};
      isOver = false;
      rooms = word.place.rooms.slice();
      kept = word.kept;
      hello = null;
      standing = { name: 'connecting', at: Chat.elapsed() };
      line = Chat.ladder({
        stream: word.place.stream, poll: word.place.poll, session: word.place.session,
        me: word.place.me, rooms: rooms, cursor: word.place.cursor, isHidden: isHidden,
        memory: { get: function (key) { return kept[key] || null; }, set: keep }
      }, heardOnLine);
    }

    function widen(more, cursor) {
      rooms = rooms.concat(more);
      line.widen(rooms, Math.min(cursor, line.cursor()));
    }

    /* What the line says */

    function heardOnLine(name, first, second) {
      if (name === 'event' && first === 'hello') { hello = second; }
      if (name === 'state') {
        standing = { name: first, detail: second, at: Chat.elapsed() };
        isOver = first === 'stopped';
        if (second === 'no-room' && rooms.length > 1) { return tellAll(tabs, { say: 'doubt' }); }
      }
      say(name, first, second);
    }

    function say(name, first, second) {
      number += 1;
      tellAll(tabs, { number: number, heard: [name, first, second] });
    }

    function keep(key, value) {
      kept[key] = value;
      say('keep', key, value);
    }

    /* How it stands now: of a wait, what is left. */
    function state() {
      var isWait = standing.name === 'held' || standing.name === 'refresh';
      var left = isWait ? Math.max(0, standing.detail - (Chat.elapsed() - standing.at)) : standing.detail;
      return [standing.name, left];
    }

    /* Who is there: a closed tab says so; one that died is missed after a while. */

    function isHidden() {
      return !visible();
    }

    function visible() {
      for (var id in tabs) {
        if (!tabs[id].isHidden) { return id; }
      }
      return null;
    }

    function forget(id) {
      delete tabs[id];
      for (var other in tabs) { return; }
      if (line) { line.close(); }
      line = null;
    }

    function callTheRoll() {
      for (var id in tabs) {
        if (Chat.elapsed() - tabs[id].heardAt > PATIENCE_MS) { forget(id); }
      }
      tellAll(tabs, { say: 'there' });
    }

    return {
      hear: hear,
      visible: visible,  // the id of a tab that somebody sees, null when all are hidden
      close: function () {
        root.clearInterval(clock);
        if (line) { line.close(); }
        line = null;
      }
    };
  };

}(this.Chat, this));
