/* One line to the server, by the best way that works here: a stream, else polls, else the page anew.

   A way is climbed to when it has been measured, and left when it fails. All of them go on from one cursor, so that
   a change between them loses nothing and repeats nothing. It knows no page: a worker has one, too. This file is
   the line and its cursor; ladder_streams.js has the streams, ladder_polls.js the polls and the questions. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  /* place: the absolute addresses `stream`, `poll`, `session`; `me`, the person's id or ''; `rooms`, slugs for a
     visitor, else []; `cursor`; `memory`, {get(key), set(key, value)}; `isHidden()`.

     hear('event', name, {id, data}), ('cursor', id), ('state', name, detail), ('refused', error). */
  function Ladder(place, hear) {
    this.place = place;
    this.hear = hear;
    this.rooms = place.rooms;
    this.at = place.cursor;
    this.networkMemory = Chat.networkMemory(place.memory);
    this.backOff = Chat.backOff();
    this.source = Chat.bestSource();
    this.stream = null;       // the attempt that we hear by
    this.probe = null;        // one beside polls that work
    this.polls = Chat.poll(this.wayForPolls());
    this.isPolling = false;
    this.rest = null;         // no streams for a while: {intervalMs, until}
    this.isOpen = this.hasBeenLive = this.hasFlowed = this.isCatchingUp = this.hasRung = false;
    this.retryTimer = this.probeTimer = this.callOff = null;
    this.forgive(true);
  }

  Chat.mix(Ladder.prototype, {

    /* Beginning and ending */

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
      this.tell('stopped', why);
      if (why === 'banned') { this.hear('refused', error); }
    },

    /* Of what belongs to the course of things nothing is said. */
    retryIn: function (delayMs, isUsual) {
      var ladder = this;
      this.shut();
      this.retryTimer = Chat.later(function () { ladder.open(); }, delayMs);
      if (!isUsual) { this.tell(this.isInTheWay() ? 'refresh' : 'held', delayMs); }
    },

    /* The network is back, or somebody looks: a try is worth it now, unless the server asked to wait. */
    hurry: function () {
      if (this.retryTimer && this.backOff.mayHurry()) {
        this.backOff.reset();
        this.open();
      } else if (this.isPolling) {
        this.polls.hurry();
        if (this.mayStream()) { this.tryStream(); }
      }
    },

    /* More rooms, and from this cursor on where it is the smaller one. */
    widen: function (rooms, cursor) {
      var all = this.rooms = this.rooms.slice();
      Chat.each(rooms, function (room) {
        if (all.indexOf(room) < 0) { all.push(room); }
      });
      this.at = Math.min(this.at, cursor);
      if (this.isOpen && !this.retryTimer) { this.open(); }
    },

    cursor: function () { return this.at; },

    /* What is given on: each event once, whichever way it came */

    deliver: function (name, id, data) {
      if (name === 'reset') {
        this.at = data.cursor;
      } else if (Chat.LOGGED[name]) {
        if (!id) { return this.catchUp(); }
        if (id <= this.at) { return; }
        this.at = id;
      }
      this.hear('event', name, { id: id || null, data: data });
    },

    moveTo: function (id) {
      if (!(id > this.at)) { return; }
      this.at = id;
      this.hear('cursor', id);
    },

    tell: function (name, detail) {
      this.hear('state', name, detail);
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

  Chat.ladder = function (place, hear) {
    return new Ladder(place, hear);
  };

}(this.Chat, this));
