/* The SharedWorker that carries the line for all tabs of a person: one for each edition of the program, by its name.

   It comes first of the worker's parts, in one answer with them, and begins with the first tab's first word. When a
   part has thrown, the last of them, the carrier, is not there: it says so to every tab, so that they find another
   way. */
(function (root) {
  'use strict';

  var ports = [];
  var carrier = null;
  var isBroken = false;
  var life = '';  // the name of a lock that is held for as long as this worker lives

  function each(list, visit) {
    for (var i = 0; i < list.length; i += 1) { visit(list[i]); }
  }

  function begin() {
    root.Chat.guard = guard;
    carrier = root.Chat.carrier(function (tabs, word) {
      for (var id in tabs) { tabs[id].tell(word); }
    });
  }

  function guard(callback) {
    return function () {
      try {
        return callback.apply(this, arguments);
      } catch (problem) {
        giveUp(problem);
      }
    };
  }

  function giveUp(problem) {
    isBroken = true;
    if (root.console && root.console.error) { root.console.error(problem); }
    if (carrier) { carrier.close(); }
    each(ports, sayBroken);
  }

  function sayBroken(port) {
    port.postMessage({ say: 'broken' });
  }

  /* A worker dies without a word. Whoever waits for its lock is told. */
  function live() {
    var name = root.location.pathname + Math.random();
    if (!root.navigator.locks || !root.Promise) { return; }
    root.navigator.locks.request(name, function () {
      life = name;
      each(ports, sayLife);
      return new root.Promise(function () { });
    });
  }

  function sayLife(port) {
    port.postMessage({ say: 'life', lock: life });
  }

  root.onconnect = function (connection) {
    var port = connection.ports[0];
    ports.push(port);
    if (life) { sayLife(port); }
    port.onmessage = guard(function (message) {
      if (isBroken) { return sayBroken(port); }
      if (message.data.say === 'leave') { ports = ports.filter(function (other) { return other !== port; }); }
      else if (ports.indexOf(port) < 0) { ports.push(port); }
      if (!carrier) { begin(); }
      carrier.hear(message.data, function (word) { port.postMessage(word); });
    });
  };

  root.Chat = { supported: true };
  live();

}(this));
