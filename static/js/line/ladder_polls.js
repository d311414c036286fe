/* The ladder's polls, and the questions why something failed and who we are. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var MOST_PROOFS = 2;       // that polls are answered while streams break: then polls are used
  var SCARCE_MS = 300000;    // for so long a host out of processes gets no request that holds one
  var SCARCE_INTERVAL_MS = 8000;
  var STRANGE_MS = 10000;    // a restart is over by then: what still answers in the chat's place is in the way
  var WHY_MS = 15000;

  var FOR_GOOD = { 'signed-out': 1, 'banned': 1, 'no-room': 1 };

  Chat.mix(Chat.Ladder.prototype, {

    wayForPolls: function () {
      var ladder = this;
      return {
        ask: function (query, done, timeoutMs) {
          return Chat.request.get(ladder.address('poll', query), null, done, timeoutMs);
        },
        get: function (url, done, timeoutMs) { return Chat.request.get(url, null, done, timeoutMs); },
        cursor: function () { return ladder.at; },
        answered: function (json, isPrompt) { ladder.answered(json, isPrompt); },
        refused: function (answer) { ladder.refused(answer); },
        setState: function (name, detail) { ladder.setState(name, detail); },
        isHidden: ladder.place.isHidden
      };
    },

    usePolls: function () {
      this.shut();
      this.isPolling = true;
      this.setState('connecting');
      this.planProbe();
      this.polls.start(this.rest ? this.rest.intervalMs : 0);
    },

    answered: function (json, isPrompt) {
      if (this.isDoubtful && isPrompt) {
        this.networkMemory.block();
        this.planProbe();
      }
      this.forgive(true);
      if (!this.probeTimer && !this.probe) { this.planProbe(); }
      this.take(json);
      if (!json.presence) { this.askWho(); }  // a user is always in a room
    },

    take: function (json) {
      var ladder = this;
      Chat.each(json.events, function (event) { ladder.deliver(event.event, event.id, event.data); });
      this.moveTo(json.cursor);
    },

    /* An answer without news: stop for good, or try again later. */
    refused: function (answer) {
      var verdict = Chat.verdict(answer);
      if (FOR_GOOD[verdict]) { return this.stop(verdict, answer.error); }
      if (verdict === 'scarce') { this.spare(SCARCE_INTERVAL_MS, SCARCE_MS); }
      if (verdict === 'busy') { this.strangeSince = null; }
      else if (verdict !== 'nothing' && this.strangeSince === null) { this.strangeSince = Chat.elapsed(); }
      this.isDoubtful = false;
      this.retryIn(this.backOff.next(answer.retryAfterMs));
    },

    isInTheWay: function () {
      return this.strangeSince !== null && Chat.elapsed() - this.strangeSince >= STRANGE_MS;
    },

    /* An event without an id (see element_stream.js) only says that there is news: polls fetch it, one at a time. */
    catchUp: function () {
      var ladder = this;
      this.hasRung = this.isCatchingUp;
      if (this.isCatchingUp) { return; }
      this.isCatchingUp = true;
      Chat.request.get(this.address('poll'), null, function (answer) {
        ladder.isCatchingUp = false;
        if (!ladder.stream) { return; }
        if (Chat.verdict(answer) !== 'news') { return ladder.refused(answer); }
        ladder.take(answer.json);
        if (ladder.hasRung || answer.json.more) { ladder.catchUp(); }
      });
    },

    /* An EventSource hides the status of an answer, so /poll is asked once. The events it brings are used, too. */
    askWhy: function () {
      var ladder = this;
      this.shut();
      this.setState('connecting');
      this.callOff = Chat.request.get(this.address('poll'), null, function (answer) {
        ladder.callOff = null;
        if (Chat.verdict(answer) !== 'news') { return ladder.refused(answer); }
        ladder.strangeSince = null;
        ladder.proofs += 1;
        ladder.take(answer.json);
        ladder.askWho(function () { ladder.afterProof(); });
      }, WHY_MS);
    },

    afterProof: function () {
      if (this.proofs <= MOST_PROOFS) { return this.retryIn(this.backOff.next()); }
      this.networkMemory.block();
      this.usePolls();
    },

    /* Somebody whose session has ended may read on as a visitor, but hears nothing of their own rooms: the page must
       not look live. */
    askWho: function (goOn) {
      var ladder = this;
      var me = this.place.me;
      if (!me) { return goOn && goOn(); }
      Chat.request.get(this.place.session, null, function (answer) {
        if (!ladder.isOpen) { return; }
        if (Chat.isAnother(answer, me)) { ladder.stop('signed-out'); }
        else if (goOn) { goOn(); }
      });
    }
  });

}(this.Chat));
