/* One line to the server, by the best way that works here: a stream, else polls, else a reload of the page.

   A better way is taken when it has been measured, and left when it fails. All ways share one cursor, so that a
   change between them loses nothing and repeats nothing. It knows no page, because a worker runs it, too. This file is
   the line and its cursor; ladder_streams.js has the streams, ladder_polls.js the polls and the questions. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  /* place: the absolute addresses `stream`, `poll`, `session`; `me`, the person's id or ''; `rooms`, slugs for a
     visitor, else []; `cursor`; `memory`, {get(key), set(key, value)}; `isHidden()`.

     emit('event', name, {id, data}), ('cursor', id), ('state', name, detail), ('refused', error). */
  function Ladder(place, emit) {
    this.place = place;
    this.emit = emit;
    this.rooms = place.rooms;
    this.at = place.cursor;
    this.networkMemory = Chat.networkMemory(place.memory);
    this.backOff = Chat.backOff();
    this.source = Chat.bestSource();
    this.stream = null;       // the attempt that brings events
    this.probe = null;        // one beside polls that work
    this.polls = Chat.poll(this.wayForPolls());
    this.isPolling = false;
    this.rest = null;         // no streams for a while: {intervalMs, until}
    this.isOpen = this.hasBeenLive = this.hasFlowed = this.isCatchingUp = this.hasRung = false;
    this.retryTimer = this.probeTimer = this.callOff = null;
    this.forgive(true);
  }

  Chat.mix(Ladder.prototype, {

    /* Opening and closing */

    open: function () {
      this.shut();
      this.isOpen = true;
      if (this.mayStream()) { this.useStream(); }
      else { this.usePolls(); }
    },

    close: function () {
      this.shut();
      this.isOpen = false;
    },

    shut: function () {
      root.clearTimeout(this.retryTimer);
      root.clearTimeout(this.probeTimer);
      if (this.stream) { this.stream.close(); }
      if (this.probe) { this.probe.close(); }
      if (this.callOff) { this.callOff(); }
      this.polls.stop();
      this.stream = this.probe = this.callOff = this.retryTimer = this.probeTimer = null;
      this.isPolling = false;
    },

    stop: function (why, error) {
      this.close();
      this.setState('stopped', why);
      if (why === 'banned') { this.emit('refused', error); }
    },

    /* A usual end, such as that of a stream's lifetime, is not shown. */
    retryIn: function (delayMs, isUsual) {
      var ladder = this;
      this.shut();
      this.retryTimer = Chat.later(function () { ladder.open(); }, delayMs);
      if (!isUsual) { this.setState(this.isInTheWay() ? 'refresh' : 'held', delayMs); }
    },

    /* The network is back, or somebody looks at the page: try now, unless the server asked to wait. */
    hurry: function () {
      if (this.retryTimer && this.backOff.mayHurry()) {
        this.backOff.reset();
        this.open();
      } else if (this.isPolling) {
        this.polls.hurry();
        if (this.mayStream()) { this.tryStream(); }
      }
    },

    /* Add rooms, and go back to this cursor if it is the smaller one. */
    widen: function (rooms, cursor) {
      var all = this.rooms = this.rooms.slice();
      Chat.each(rooms, function (room) {
        if (all.indexOf(room) < 0) { all.push(room); }
      });
      this.at = Math.min(this.at, cursor);
      if (this.isOpen && !this.retryTimer) { this.open(); }
    },

    cursor: function () { return this.at; },

    /* Each event is passed on once, whichever way it came */

    deliver: function (name, id, data) {
      if (name === 'reset') {
        this.at = data.cursor;
      } else if (Chat.LOGGED[name]) {
        if (!id) { return this.catchUp(); }
        if (id <= this.at) { return; }
        this.at = id;
      }
      this.emit('event', name, { id: id || null, data: data });
    },

    moveTo: function (id) {
      if (!(id > this.at)) { return; }
      this.at = id;
      this.emit('cursor', id);
    },

    setState: function (name, detail) {
      this.emit('state', name, detail);
    },

    /* From the cursor on; a visitor names the rooms, others hear all of theirs. */
    address: function (name, more) {
      var fields = { since: this.at };
      if (this.rooms.length) { fields.room = this.rooms; }
      for (var key in more) { fields[key] = more[key]; }
      return Chat.request.withQuery(this.place[name], fields);
    }
  });

  Chat.Ladder = Ladder;

  Chat.ladder = function (place, emit) {
    return new Ladder(place, emit);
  };

}(this.Chat, this));
