/* The time by the server's clock, which also dates every message; the reader's own may be wrong by hours, and only
   shows how much has passed. Every answer brings the server's time along. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var EXACT_MS = 3000;  // a header has whole seconds, and was on its way for a while
  var offsetMs = 0;     // from the reader's clock to the server's

  function now() {
    return Date.now() + offsetMs;
  }

  function learn(serverMs) {
    if (serverMs && Math.abs(serverMs - now()) > EXACT_MS) { offsetMs = serverMs - Date.now(); }
  }

  /* A time of the reader's clock, by the server's. */
  function of(ownMs) {
    return ownMs + offsetMs;
  }

  Chat.serverTime = { now: now, learn: learn, of: of };

}(this.Chat));
