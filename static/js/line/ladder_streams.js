/* The ladder's streams, what each way of ending says, and a stream tried beside polls that work. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var STEADY_MS = 5000;  // a stream that lived for so long has not failed
  var MOST_SILENCES = 1;
  var NEXT_FRAME_MS = 100;
  var MODE_MS = 60000;   // there was no room for a stream: after a minute there may be
  var SLOW_MS = 60000;   // everything was slow, not the streams alone: then they are worth a try so much later
  var SOON_MS = 5000;    // a server that starts keeps the first who come waiting, and soon none

  Chat.mix(Chat.Ladder.prototype, {

    mayStream: function () {
      if (this.rest && Chat.elapsed() >= this.rest.until) { this.rest = null; }
      return Boolean(this.source) && !this.rest && !this.networkMemory.isBlocked();
    },

    useStream: function () {
      this.tell('connecting');
      this.stream = this.attempt();
    },

    attempt: function () {
      var ladder = this;
      var mine = Chat.attempt(this.source, this.address('stream', this.source.query), function (what, a, b, c) {
        if (what === 'greeted' && mine === ladder.probe) { ladder.consider(mine, a); }
        else if (what === 'greeted') { ladder.greeted(mine, a); }
        else if (what === 'event') { ladder.heard(a, b, c); }
        else if (mine === ladder.probe) { ladder.probeEnded(a, b); }
        else { ladder.streamEnded(mine, a, b); }
      });
      return mine;
    },

    /* One that was tried beside polls takes their place, unless it only greets to say that there is no room. */
    consider: function (attempt, hello) {
      var ladder = this;
      Chat.later(function () {
        if (attempt === ladder.probe) { ladder.greeted(attempt, hello); }
      }, NEXT_FRAME_MS);
    },

    greeted: function (attempt, hello) {
      root.clearTimeout(this.probeTimer);
      this.polls.stop();
      this.isPolling = false;
      this.probe = this.rest = null;
      this.stream = attempt;
      if (this.networkMemory.isBlocked()) { this.silences = MOST_SILENCES; }
      this.moveTo(hello.cursor);
      this.hear('event', 'hello', { id: null, data: hello });
      this.tell('live');
      if (this.hasBeenLive) { this.askWho(); }
      this.hasBeenLive = true;
    },

    /* What follows the first burst proves that this network lets streams through. */
    heard: function (name, id, data) {
      if (this.stream && this.stream.hasFlowed()) {
        this.networkMemory.clear();
        this.hasFlowed = true;
      }
      if (name === 'ping') { this.moveTo(id); }
      else { this.deliver(name, id, data); }
    },

    /* When one ends */

    streamEnded: function (attempt, why, data) {
      this.stream = null;
      if (attempt.livedMs() >= STEADY_MS) { this.forgive(attempt.hasFlowed()); }
      this['after_' + why](data);
    },

    /* Something works: what failed before does not count any more. */
    forgive: function (hasFlowed) {
      this.breaks = this.proofs = 0;
      if (hasFlowed) { this.silences = 0; }
      this.strangeSince = null;
      this.isDoubtful = false;
      this.backOff.reset();
    },

    after_bye: function (bye) {
      if (bye.reason === 'revoked') { return this.askWhy(); }
      this.retryIn(bye.retry_ms || 1000, bye.reason === 'lifetime');
    },

    after_mode: function (mode) {
      this.spare(mode.interval_ms, MODE_MS);
      this.usePolls();
    },

    after_refused: function () {
      this.askWhy();
    },

    after_broken: function () {
      this.breaks += 1;
      if (this.breaks > 1) { this.askWhy(); }
      else { this.retryIn(this.backOff.next()); }
    },

    /* Are streams held back here, or is everything? The first poll will tell. But where one has flowed before, it
       may be the server that was slow, and a second one tells. */
    after_unheard: function () {
      this.isDoubtful = !this.hasFlowed;
      this.usePolls();
    },

    /* A dead line; or, when the next is silent as well, something that keeps back whatever follows a first burst. */
    after_silent: function () {
      this.silences += 1;
      if (this.silences <= MOST_SILENCES) { return this.open(); }
      this.isDoubtful = true;
      this.usePolls();
    },

    /* No streams for a while: the server has no room for them, or the host no processes. */
    spare: function (intervalMs, durationMs) {
      this.rest = { intervalMs: intervalMs, until: Chat.elapsed() + durationMs };
    },

    /* Beside polls: they go on until the stream greets. Where the server names watermark files, it says by that in each
       answer that it has no room for a stream. */

    planProbe: function (leastMs) {
      var ladder = this;
      root.clearTimeout(this.probeTimer);
      this.probeTimer = null;
      if (!this.source || this.polls.hasWatermarks()) { return; }
      this.probeTimer = Chat.later(function () { ladder.tryStream(); }, Math.max(leastMs || 0, this.pauseMs()));
    },

    pauseMs: function () {
      if (this.rest) { return Math.max(0, this.rest.until - Chat.elapsed()); }
      if (this.networkMemory.isBlocked()) { return this.networkMemory.pauseMs(); }
      return this.isDoubtful ? SLOW_MS : SOON_MS;
    },

    tryStream: function () {
      root.clearTimeout(this.probeTimer);
      this.probeTimer = null;
      if (this.isPolling && !this.probe && !this.polls.hasWatermarks()) { this.probe = this.attempt(); }
    },

    probeEnded: function (why, data) {
      this.probe = null;
      if (why === 'mode') { this.spare(data.interval_ms, MODE_MS); }
      else { this.isDoubtful = true; }  // the next poll tells whether the network itself is gone
      this.planProbe(SLOW_MS);
    }
  });

}(this.Chat, this));
