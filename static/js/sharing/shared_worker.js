/* The SharedWorker that carries the line for all tabs of a person: one for each edition of the program, by its name.

   It comes first of the worker's parts, in one answer with them, and begins with the first tab's first message. When
   a part has thrown, the last of them, the carrier, is missing: every tab is sent that, so that they find another
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
    carrier = root.Chat.carrier(function (tabs, message) {
      for (var id in tabs) { tabs[id].send(message); }
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
    each(ports, sendBroken);
  }

  function sendBroken(port) {
    port.postMessage({ say: 'broken' });
  }

  /* A worker dies silently. Whoever waits for this lock notices. */
  function live() {
    var name = root.location.pathname + Math.random();
    if (!root.navigator.locks || !root.Promise) { return; }
    root.navigator.locks.request(name, function () {
      life = name;
      each(ports, sendLife);
      return new root.Promise(function () { });
    });
  }

  function sendLife(port) {
    port.postMessage({ say: 'life', lock: life });
  }

  root.onconnect = function (connection) {
    var port = connection.ports[0];
    ports.push(port);
    if (life) { sendLife(port); }
    port.onmessage = guard(function (message) {
      if (isBroken) { return sendBroken(port); }
      if (message.data.say === 'leave') { ports = ports.filter(function (other) { return other !== port; }); }
      else if (ports.indexOf(port) < 0) { ports.push(port); }
      if (!carrier) { begin(); }
      carrier.receive(message.data, function (answer) { port.postMessage(answer); });
    });
  };

  root.Chat = { supported: true };
  live();

}(this));
