/* Where there is no SharedWorker one tab leads: it has the line, and sends what it brings to the others by `storage`
   events.

   The lead is a lock, so that it passes on when the leader's tab is closed. Where nothing can be stored the tabs
   cannot reach each other, and each has a line of its own. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var LOOK_MS = 20000;
  var HIDDEN_LOOKS = 3;  // browsers slow the timers of a page that was hidden for minutes, so then another leads

  Chat.leader = function (listener) {
    var name = 'lead.' + Chat.fact('edition');
    var key = Chat.drawer + 'words.' + Chat.fact('edition');
    var tab = listener.tab;
    var lock = null;
    var carrier = null;   // when this tab leads
    var leads = '';       // the tab that does
    var isAlone = false;
    var isOpen = false;
    var serial = 0;
    var hiddenLooks = 0;

    function open() {
      isOpen = true;
      seek(false);
      listener.join();
    }

    function close() {
      isOpen = isAlone = false;
      if (carrier) { carrier.close(); }
      carrier = null;
      if (lock) { lock.release(); }
    }

    /* The lead */

    function seek(isForced) {
      if (lock) { lock.release(); }
      lock = Chat.lock.take(name, lead, { isForced: isForced, lost: stepDown });
    }

    function lead(taken) {
      lock = taken;
      if (!carrier) { carrier = Chat.carrier(broadcast); }
      leads = tab;
      post('', { say: 'leads' });
      listener.join();
    }

    function stepDown() {
      if (!carrier || isAlone) { return; }
      carrier.close();
      carrier = null;
      post('', { say: 'again' });
      seek(false);
      listener.join();
    }

    function goAlone() {
      if (isAlone || !isOpen) { return; }
      isAlone = true;
      lock.release();
      if (carrier) { return; }
      carrier = Chat.carrier(broadcast);
      listener.join();
    }

    /* The leader does not answer: it hangs, or sleeps. */
    function lost() {
      seek(true);
      listener.join();
    }

    function look() {
      hiddenLooks = Chat.isVisible() ? 0 : hiddenLooks + 1;
      var other = carrier && !isAlone && hiddenLooks > HIDDEN_LOOKS && carrier.visible();
      if (other) { post(other, { say: 'yours' }); }
    }

    /* Messages between tabs lie in {from, to: a tab's id, 'leader' or '' for all, serial, word: the message} */

    function send(message) {
      if (carrier) { carrier.receive(message, listener.receive); }
      else { post('leader', message); }
    }

    function broadcast(tabs, message) {
      if (tabs[tab]) { listener.receive(message); }
      for (var other in tabs) {
        if (other !== tab) { return post('', message); }
      }
    }

    /* Only a value that differs from the one before makes an event; it is removed at once. */
    function post(to, message) {
      if (isAlone) { return; }
      serial += 1;
      var isStored = Chat.localStorage.write(key, { from: tab, to: to, serial: serial, word: message });
      Chat.localStorage.remove(key);
      if (!isStored) { goAlone(); }
    }

    function receive(envelope) {
      var from = envelope.from;
      var message = envelope.word;
      var isMine = envelope.to === tab || envelope.to === '';
      if (envelope.to === 'leader') {
        return carrier && carrier.receive(message, function (answer) { post(from, answer); });
      }
      if (carrier || !isMine) { return; }
      if (message.say === 'yours') { return seek(true); }
      if (message.say === 'leads' || message.say === 'again') { return !listener.isOut() && listener.join(); }
      if (message.say === 'joined') { leads = from; }
      if (from === leads) { listener.receive(message); }
    }

    Chat.localStorage.watch(function (changed, envelope) {
      if (changed === key && envelope && envelope.from !== tab && isOpen && !isAlone) { receive(envelope); }
    });
    Chat.every(look, LOOK_MS);

    return { open: open, close: close, send: send, lost: lost };
  };

}(window.Chat, window));
