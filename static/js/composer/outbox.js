/* Sends what waits in the queue: in order, one at a time, by one tab of the browser, until it is acknowledged.

   A repeated POST bears the same client id, so however often it is tried, it is posted once. When to try next is
   shared, too: twelve tabs ask a server in trouble no more often than one. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var LONGEST_DELAY_MS = 30000;
  var LINGER_MS = 300;      // what a tab has stored reaches the next holder of the lock only after a moment
  var TAKE_OVER_MS = 2000;  // another tab sends its own text, unless it is gone
  var RETRIED = { 0: 1, 408: 1, 425: 1, 429: 1, 502: 1, 503: 1, 504: 1, 508: 1, 509: 1 };

  var LONGEST_PACE_MS = 86400000;  // as long as a timer can run, and the most that a server may ask for

  var PACE = Chat.drawer + 'pace';
  var pace = sound(Chat.localStorage.read(PACE));  // {failures, setAt, notBefore, isOrdered: by the server}
  var lock = null;
  var isAsking = false;  // for the lock
  var isSending = false;
  var turn = 0;          // answers to an earlier turn only settle
  var timer = null;
  var restTimer = null;
  var hasSent = false;   // since this page has the lock
  var hasWarned = false;

  /* What is stored may be damaged, or of another edition. */
  function sound(stored) {
    var delayMs = stored && stored.failures >= 0 ? stored.notBefore - stored.setAt : -1;
    return delayMs >= 0 && delayMs <= LONGEST_PACE_MS ? stored : {};
  }

  /* What a person does with an entry */

  function add(body) {
    var entry = { room: Chat.room, body: body, at: Date.now() };
    Chat.queue.add(entry);
    warnLeaving();
    Chat.emit('outbox');
    Chat.emit('written', entry);
    send();
  }

  function retry(clientId) {
    Chat.queue.look();
    var entry = Chat.queue.find(clientId);
    if (!entry) { return; }
    entry.isFailed = false;
    Chat.queue.put(entry);
    Chat.emit('outbox');
    hurry();
  }

  function discard(clientId) {
    var entry = Chat.queue.find(clientId);
    if (entry) { Chat.queue.remove(entry); }
    Chat.emit('outbox');
  }

  /* A refused text is in the composer before the queue drops it: a crash in between leaves it in both. */
  function takeBack(clientId, take) {
    Chat.queue.look();
    var entry = Chat.queue.find(clientId);
    if (entry && entry.isFailed) {
      take(entry.body);
      Chat.queue.remove(entry);
    }
    Chat.emit('outbox');
  }

  function waiting() {
    return Chat.queue.all().filter(function (entry) { return !entry.isFailed; });
  }

  /* Sending: the oldest that has not failed; the next after the answer. */

  function send() {
    if (isAsking || isSending || !waiting().length) { return; }
    if (leftToWaitMs()) { return wake(leftToWaitMs()); }
    if (lock && lock.isHeld()) { return sendNext(); }
    isAsking = true;
    Chat.lock.take('outbox', function (taken) {
      isAsking = false;
      lock = taken;
      hasSent = false;
      sendNext();
    });
  }

  function sendNext() {
    Chat.queue.look();
    var entry = lock.isHeld() && !leftToWaitMs() && waiting()[0];
    if (!entry) { return rest(); }
    isSending = hasSent = true;
    try {
      post(entry, turn);
    } catch (unsendable) {
      isSending = false;
      refuse(entry, Chat.word('unsendable'));
      sendNext();
    }
  }

  function post(entry, mine) {
    var fields = { body: entry.body, client_id: entry.clientId };
    Chat.net.post(Chat.url('messages', entry.room), fields, Chat.guard(function (answer) {
      var isPosted = answer.isOk && answer.json && answer.json.id;
      if (isPosted) { settle(entry, answer.json); }
      if (mine !== turn) { return; }
      isSending = false;
      if (isPosted) { setPace(0, 0); }
      else { wait(entry, answer); }
      sendNext();
    }));
  }

  /* Nothing can be sent now: after a moment another tab may have the lock. */
  function rest() {
    wake(leftToWaitMs());
    root.clearTimeout(restTimer);
    if (hasSent) { restTimer = Chat.later(giveBack, LINGER_MS); }
    else { giveBack(); }
  }

  function giveBack() {
    if (!lock || isSending) { return; }
    lock.release();
    lock = null;
    send();
  }

  /* It was not posted: the reason decides whether to wait, or to give it back. */

  function wait(entry, answer) {
    if (!Chat.queue.find(entry.clientId)) { return; }
    if (answer.retryAfterMs) { setPace(pace.failures || 0, answer.retryAfterMs, true); }
    else if (RETRIED[answer.status] || answer.status >= 520 || answer.isOk) { backOff(); }
    else { return refuse(entry, Chat.net.reason(answer)); }
    Chat.emit('outbox');
  }

  function backOff() {
    var spanMs = Math.min(LONGEST_DELAY_MS, 1000 * Math.pow(2, pace.failures || 0));
    setPace((pace.failures || 0) + 1, 300 + Math.random() * spanMs);
  }

  function setPace(failures, delayMs, isOrdered) {
    if (!failures && !delayMs && !pace.failures && !pace.notBefore) { return; }
    var now = Date.now();
    pace = { failures: failures, setAt: now, notBefore: now + delayMs, isOrdered: Boolean(isOrdered) };
    if (!failures && !delayMs) { pace = {}; }
    if (!pace.setAt || !Chat.localStorage.write(PACE, pace)) { Chat.localStorage.remove(PACE); }
    wake(delayMs);
  }

  /* When the clock was set back, nothing waits for as long. */
  function leftToWaitMs() {
    return pace.setAt <= Date.now() ? Math.max(0, pace.notBefore - Date.now()) : 0;
  }

  function wake(delayMs) {
    root.clearTimeout(timer);
    timer = delayMs > 0 ? Chat.later(function () { timer = null; send(); }, delayMs) : null;
  }

  /* The way is open again. What the server asked for still holds: what was too fast, or came to a busy server,
     is sent when it may be, whatever else happens before. */
  function hurry() {
    if (!pace.isOrdered) { setPace(pace.failures || 0, 0); }
    send();
  }

  function refuse(entry, reason) {
    entry.isFailed = true;
    entry.reason = reason;
    Chat.queue.put(entry);
    Chat.emit('outbox');
  }

  /* Settled by the answer or the event, whichever comes first; the other finds nothing left to do. */
  function settle(entry, message) {
    if (!Chat.queue.find(entry.clientId)) { return; }
    Chat.queue.remove(entry, message);
    Chat.emit('settled', entry, message);
    Chat.emit('outbox');
  }

  /* What only this page holds would be lost with it: then the browser asks before it closes the page. */
  function warnLeaving() {
    if (hasWarned || !Chat.queue.hasDetached()) { return; }
    hasWarned = true;
    Chat.listen(root, 'beforeunload', function (leaving) {
      if (!Chat.queue.hasDetached()) { return; }
      leaving.preventDefault();
      leaving.returnValue = '';
    });
  }

  function isHeldUp() {
    return pace.failures > 0;
  }

  Chat.outbox = {
    add: add, retry: retry, discard: discard, takeBack: takeBack, isHeldUp: isHeldUp,
    find: Chat.queue.find,
    all: Chat.queue.all,
    waiting: function () { return waiting().length; },
    isAtRisk: function () { return Chat.queue.hasDetached() && (isHeldUp() || leftToWaitMs() > 0); },
    secondsLeft: function () {
      return waiting().length && pace.isOrdered ? Math.max(0, Math.ceil(leftToWaitMs() / 1000)) : 0;
    }
  };

  function settleBy(message) {
    var entry = message.client_id && Chat.queue.find(message.client_id);
    if (entry && Chat.isMe(message.author)) { settle(entry, message); }
  }

  Chat.on('message', settleBy);
  Chat.on('replaced', function (page) { Chat.each(page.messages, settleBy); });

  Chat.on('state', function (name) {
    if (name === 'live' || name === 'checking') { hurry(); }
  });

  /* Another tab sends what it has written; if it can't any more, this one does. */
  Chat.localStorage.watch(function (key, value) {
    if (key === PACE) {
      pace = sound(value);
      Chat.emit('outbox');
    }
    if (!timer && waiting().length) { wake(Math.max(TAKE_OVER_MS * (1 + Math.random()), leftToWaitMs())); }
  });

  Chat.start(function () {
    Chat.listen(root, 'online', hurry);
    Chat.listen(root, 'pagehide', function () {  // which releases the lock
      turn += 1;
      lock = null;
      isAsking = isSending = false;
    });
    Chat.listen(root, 'pageshow', function (shown) {
      if (!shown.persisted) { return; }
      Chat.queue.look();
      pace = sound(Chat.localStorage.read(PACE));
      Chat.emit('outbox');
      send();
    });
    send();
  });

}(window.Chat, window));
