/* The carrier has the one line of a browser, for all tabs of a person: in a SharedWorker, or in the tab that leads.

   What the line brings is sent to every tab that has joined, under a number, so that a tab notices when it has
   missed something; a tab drops what it has already. A tab that joins an open line catches up by itself. But when a
   visitor's tab is in a room that the line does not follow yet, the line is opened anew, for more rooms and from the
   smallest cursor, because a cursor holds only for the rooms that it was read with. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var CHECK_MS = 20000;
  var PATIENCE_MS = 90000;  // a tab that is silent for so long is gone: a browser may slow timers, not messages

  /* `broadcast(tabs, message)` must send the message to each of the tabs, in the order in which it is called. */
  Chat.carrier = function (broadcast) {
    var tabs = {};     // id → {send, isHidden, seenAt}
    var line = null;
    var isOver = false;  // it was refused for good: the next tab that joins tries it anew
    var rooms = [];
    var number = 0;
    var lineState = null;
    var hello = null;
    var kept = {};     // what the line remembers, which only a page can store
    var clock = Chat.every(checkTabs, CHECK_MS);

    /* A message of a tab; `send` answers that tab alone. */
    function receive(message, send) {
      var tab = tabs[message.tab];
      if (message.say === 'join') { return join(message, send); }
      if (message.say === 'leave') { return forget(message.tab); }
      if (!tab) { return send({ say: 'again' }); }
      tab.seenAt = Chat.elapsed();
      if (message.say === 'look') { tab.isHidden = message.isHidden; }
      if (message.say === 'hurry') { line.hurry(); }
    }

    function join(message, send) {
      var isNew = !line || isOver;
      var more = message.place.rooms.filter(function (room) { return rooms.indexOf(room) < 0; });
      if (isNew) { make(message); }
      else if (!tabs[message.tab] && lineState.name === 'checking') { line.hurry(); }  // it may have joined a room
      tabs[message.tab] = { send: send, isHidden: message.isHidden, seenAt: Chat.elapsed() };
      if (!isNew && more.length) { widen(more, message.place.cursor); }
      send({ say: 'joined', number: number, isFresh: isNew || more.length > 0, state: state(), hello: hello });
      if (isNew) { line.open(); }
    }

    function make(message) {
      tabs = {};
      isOver = false;
      rooms = message.place.rooms.slice();
      kept = message.kept;
      hello = null;
      lineState = { name: 'connecting', at: Chat.elapsed() };
      line = Chat.ladder({
        stream: message.place.stream, poll: message.place.poll, session: message.place.session,
        me: message.place.me, rooms: rooms, cursor: message.place.cursor, isHidden: isHidden,
        memory: { get: function (key) { return kept[key] || null; }, set: keep }
      }, received);
    }

    function widen(more, cursor) {
      rooms = rooms.concat(more);
      line.widen(rooms, Math.min(cursor, line.cursor()));
    }

    /* What the line brings */

    function received(name, first, second) {
      if (name === 'event' && first === 'hello') { hello = second; }
      if (name === 'state') {
        lineState = { name: first, detail: second, at: Chat.elapsed() };
        isOver = first === 'stopped';
        if (second === 'no-room' && rooms.length > 1) { return broadcast(tabs, { say: 'doubt' }); }
      }
      publish(name, first, second);
    }

    function publish(name, first, second) {
      number += 1;
      broadcast(tabs, { number: number, heard: [name, first, second] });
    }

    function keep(key, value) {
      kept[key] = value;
      publish('keep', key, value);
    }

    /* The line's state now; of a wait, what is left. */
    function state() {
      var isWait = lineState.name === 'held' || lineState.name === 'refresh';
      var left = isWait ? Math.max(0, lineState.detail - (Chat.elapsed() - lineState.at)) : lineState.detail;
      return [lineState.name, left];
    }

    /* Who is there: a tab that is closed says so; one that has died is noticed after a while. */

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

    function checkTabs() {
      for (var id in tabs) {
        if (Chat.elapsed() - tabs[id].seenAt > PATIENCE_MS) { forget(id); }
      }
      broadcast(tabs, { say: 'there' });
    }

    return {
      receive: receive,
      visible: visible,  // the id of a tab that somebody sees, null when all are hidden
      close: function () {
        root.clearInterval(clock);
        if (line) { line.close(); }
        line = null;
      }
    };
  };

}(this.Chat, this));
