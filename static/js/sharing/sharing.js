/* One line for all tabs of a person in this browser, instead of one for each: HTTP/1.1 has six connections for
   all of them together.

   By a SharedWorker, which belongs to nobody but the browser. One that cannot be made, that breaks or that falls
   silent is left for an hour, by all tabs, and one of them leads instead. Tabs of another person or of another
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

  /* A worker for this person and this edition: a way to carry words, as Chat.leader is. */
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
        port.onmessage = Chat.guard(heard);
      } catch (refused) {
        Chat.later(lost, 0);
      }
    }

    function heard(message) {
      if (message.data.say === 'broken') { lost(); }
      else if (message.data.say === 'life') { life = message.data.lock; }
      else { listener.heard(message.data); }
    }

    /* The worker has the lock for as long as it lives. It is looked at, not asked for: a page that asks in vain does
       not get into Firefox's back/forward cache. */
    function look() {
      if (!life || listener.isOut()) { return; }
      var looked = life;
      root.navigator.locks.query().then(Chat.guard(function (locks) {
        var isHeld = locks.held.some(function (lock) { return lock.name === looked; });
        if (!isHeld && looked === life) { discard(); }
      }))['catch'](function () { });
    }

    /* The crash of a tab may take the worker along: then there is a new one, once. */
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
      tell: function (word) { if (port) { port.postMessage(word); } }
    };
  }

  /* A line, as Chat.ladder makes it. */
  Chat.sharing = function (place, hear) {
    var way = null;
    var listener = Chat.listener(place, hear, function (word) { way.tell(word); }, function () { way.lost(); });

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
