/* One line for all tabs of a person in this browser, instead of one for each: HTTP/1.1 has six connections for
   all of them together.

   By a SharedWorker, which belongs to the browser alone. All tabs avoid for an hour one that cannot be made, that
   breaks or that falls silent, and one of them leads instead. Tabs of another person or of another
   edition of the program share among themselves. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var AVOID_MS = 3600000;
  var LOOK_MS = 3000;
  var AVOIDED = Chat.drawer + 'no-worker';
  var edition = Chat.fact('edition');

  function isAvoided() {
    var since = Chat.localStorage.read(AVOIDED);
    var ageMs = since && since.edition === edition ? Date.now() - since.at : -1;
    return ageMs >= 0 && ageMs < AVOID_MS;
  }

  /* A worker for this person and this edition: a way to carry messages, as Chat.leader is. */
  function workerWay(listener, leave) {
    var port = null;
    var life = '';
    var hasDied = false;

    function open() {
      if (!port) { connect(); }
      listener.join();
    }

    function connect() {
      try {
        var worker = new root.SharedWorker(Chat.fact('url-shared-worker'), Chat.drawer + edition);
        Chat.listen(worker, 'error', lost);
        port = worker.port;
        port.onmessage = Chat.guard(received);
      } catch (refused) {
        Chat.later(lost, 0);
      }
    }

    function received(message) {
      if (message.data.say === 'broken') { lost(); }
      else if (message.data.say === 'life') { life = message.data.lock; }
      else { listener.receive(message.data); }
    }

    /* The worker has the lock for as long as it lives. The page looks for the lock instead of requesting it: Firefox
       keeps no page that waits for a lock in its back/forward cache. */
    function look() {
      if (!life || listener.isOut()) { return; }
      var looked = life;
      root.navigator.locks.query().then(Chat.guard(function (locks) {
        var isHeld = locks.held.some(function (lock) { return lock.name === looked; });
        if (!isHeld && looked === life) { discard(); }
      }))['catch'](function () { });
    }

    /* When a tab crashes, the worker may die with it: then a new one is made, once. */
    function discard() {
      drop();
      if (hasDied) { return lost(); }
      hasDied = true;
      open();
    }

    function drop() {
      life = '';
      if (port) { port.onmessage = null; }
      port = null;
    }

    function lost() {
      if (port) { port.postMessage({ say: 'leave', tab: listener.tab }); }  // if it lives after all
      drop();
      Chat.localStorage.write(AVOIDED, { edition: edition, at: Date.now() });
      leave();
    }

    if (root.navigator.locks && root.Promise) { Chat.every(look, LOOK_MS); }

    return {
      open: open, lost: lost, close: function () { },
      send: function (message) { if (port) { port.postMessage(message); } }
    };
  }

  /* A line, as Chat.ladder makes it. */
  Chat.sharing = function (place, emit) {
    var way = null;
    var listener = Chat.listener(place, emit, function (message) { way.send(message); }, function () { way.lost(); });

    function leaveWorker() {
      if (way !== byWorker) { return; }
      way = Chat.leader(listener);
      if (!listener.isOut()) { way.open(); }
    }

    var byWorker = root.SharedWorker && !isAvoided() ? workerWay(listener, leaveWorker) : null;
    way = byWorker || Chat.leader(listener);

    return {
      open: function () { if (listener.isOut()) { way.open(); } },
      close: function () {
        listener.leave();
        way.close();
      },
      hurry: listener.hurry,
      widen: function () { },  // a page stays in its room
      cursor: listener.cursor
    };
  };

}(window.Chat, window));
