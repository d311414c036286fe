/* What time it is by the server's clock, which wrote the time of every message; the reader's own may be wrong by
   hours, and tells only how much has passed. Every answer brings the server's along. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var EXACT_MS = 3000;  // a header is whole seconds, and has been on its way
  var offsetMs = 0;     // from the reader's clock to the server's

  function now() {
    return Date.now() + offsetMs;
  }

  function learn(serverMs) {
    if (serverMs && Math.abs(serverMs - now()) > EXACT_MS) { offsetMs = serverMs - Date.now(); }
  }

  /* What the reader's clock said, by the server's. */
  function of(ownMs) {
    return ownMs + offsetMs;
  }

  Chat.serverTime = { now: now, learn: learn, of: of };

}(this.Chat));
