/* One tab at a time: what only one of a browser's tabs may do is done while it holds a lock.

   By Web Locks, which the browser passes on when a tab dies. Where there are none, by an entry in localStorage
   that expires: that can fail when a tab sleeps for longer, so what is done under a lock must be harmless when done
   twice. A page that may store nothing shares nothing, and needs no lock. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var LEASE_MS = 8000;   // so long a tab that died delays the others
  var RENEW_MS = 2000;
  var CLAIM_MS = 200;    // after that two tabs that claim at once both see which was later
  var tab = Math.random().toString(36).slice(2);
  var held = [];         // locks of this page, taken or requested

  /* `granted` is called with the lock when no other tab has it, or at once where `isForced`: isHeld() and release().
     `lost` is called when another tab has taken it by force. */
  function take(name, granted, options) {
    var lock = { name: Chat.drawer + name, isOver: false, isTaken: false, end: null };
    lock.isForced = Boolean(options && options.isForced);
    lock.lost = Chat.guard((options && options.lost) || function () { });
    lock.isHeld = function () { return !lock.isOver; };
    lock.release = function () { release(lock); };
    held.push(lock);
    if (root.navigator.locks && root.Promise) { takeFromBrowser(lock, granted); }
    else { claim(lock, granted); }
    return lock;
  }

  function release(lock) {
    lock.isOver = true;
    if (lock.end) { lock.end(); }
    lock.end = null;
    held = held.filter(function (other) { return other !== lock; });
  }

  function takeFromBrowser(lock, granted) {
    root.navigator.locks.request(lock.name, { steal: lock.isForced }, function () {
      if (lock.isOver) { return null; }
      lock.isTaken = true;
      return new root.Promise(function (resolve) {
        lock.end = resolve;
        Chat.guard(granted)(lock);
      });
    })['catch'](function () {
      if (lock.isOver) { return; }
      if (lock.isTaken) { lose(lock); }
      else { Chat.guard(granted)(lock); }  // a browser in which this page may store nothing
    });
  }

  /* By localStorage: write an entry, wait, and see whether it is still this tab's. */

  function claim(lock, granted) {
    if (lock.isOver) { return; }
    var holder = Chat.localStorage.read(lock.name);
    var isOthers = holder && holder.tab !== tab && !hasExpired(holder);
    if (isOthers && !lock.isForced) { return later(lock, granted); }
    lock.isForced = false;  // once
    if (!sign(lock)) { return Chat.guard(granted)(lock); }  // full or forbidden: better twice than never
    Chat.later(function () {
      if (!isMine(lock)) { return later(lock, granted); }
      var renewal = Chat.every(function () { renew(lock); }, RENEW_MS);
      lock.isTaken = true;
      lock.isHeld = function () { return !lock.isOver && isMine(lock); };
      lock.end = function () {
        root.clearInterval(renewal);
        if (isMine(lock)) { Chat.localStorage.remove(lock.name); }
      };
      if (lock.isOver) { lock.end(); }
      else { granted(lock); }
    }, CLAIM_MS);
  }

  function later(lock, granted) {
    Chat.later(function () { claim(lock, granted); }, CLAIM_MS * (1 + Math.random()));
  }

  /* An expiry further ahead than any lease was written before the clock was set back; one that is not a number is not
     ours. */
  function hasExpired(holder) {
    var leftMs = holder.until - Date.now();
    return !(leftMs > 0 && leftMs <= LEASE_MS);
  }

  function sign(lock) {
    return Chat.localStorage.write(lock.name, { tab: tab, until: Date.now() + LEASE_MS });
  }

  function isMine(lock) {
    var holder = Chat.localStorage.read(lock.name);
    return Boolean(holder) && holder.tab === tab;
  }

  function renew(lock) {
    if (isMine(lock)) { sign(lock); }
    else { lose(lock); }
  }

  function lose(lock) {
    release(lock);
    lock.lost();
  }

  Chat.lock = { take: take };

  /* A page that is left, even into the back/forward cache, releases its locks. */
  Chat.listen(root, 'pagehide', function () { Chat.each(held.slice(), release); });

}(window.Chat, window));
