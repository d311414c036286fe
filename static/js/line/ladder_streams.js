/* The ladder's streams, what each way of ending means, and a stream tried beside polls that work. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var STEADY_MS = 5000;  // a stream that lived for so long has not failed
  var MOST_SILENCES = 1;
  var NEXT_FRAME_MS = 100;
  var MODE_MS = 60000;   // there was no room for a stream: after a minute there may be
  var SLOW_MS = 60000;   // everything was slow, not only streams: they are tried again so much later
  var SOON_MS = 5000;    // a server that is starting lets its first readers wait, and soon none

  Chat.mix(Chat.Ladder.prototype, {

    mayStream: function () {
      if (this.rest && Chat.elapsed() >= this.rest.until) { this.rest = null; }
      return Boolean(this.source) && !this.rest && !this.networkMemory.isBlocked();
    },

    useStream: function () {
      this.setState('connecting');
      this.stream = this.attempt();
    },

    attempt: function () {
      var ladder = this;
      var mine = Chat.attempt(this.source, this.address('stream', this.source.query), function (what, a, b, c) {
        if (what === 'greeted' && mine === ladder.probe) { ladder.consider(mine, a); }
        else if (what === 'greeted') { ladder.greeted(mine, a); }
        else if (what === 'event') { ladder.received(a, b, c); }
        else if (mine === ladder.probe) { ladder.probeEnded(a, b); }
        else { ladder.streamEnded(mine, a, b); }
      });
      return mine;
    },

    /* A stream that was tried beside polls replaces them, unless it is only opened to say that there is no room. */
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
      this.emit('event', 'hello', { id: null, data: hello });
      this.setState('live');
      if (this.hasBeenLive) { this.askWho(); }
      this.hasBeenLive = true;
    },

    /* What follows the first burst proves that this network lets streams through. */
    received: function (name, id, data) {
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

    /* Something works: earlier failures no longer count. */
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

    /* Are streams held back here, or is everything slow? The first poll shows it. But where a stream has flowed
       before, perhaps only the server was slow, and a second stream shows it. */
    after_timeout: function () {
      this.isDoubtful = !this.hasFlowed;
      this.usePolls();
    },

    /* A dead connection; or, when the next is silent too, something that holds back what follows the first burst. */
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

    /* Beside polls: they go on until the stream greets. A server that names watermark files in its answers
       has no room for a stream. */

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
      else { this.isDoubtful = true; }  // the next poll shows whether the network itself is gone
      this.planProbe(SLOW_MS);
    }
  });

}(this.Chat, this));
