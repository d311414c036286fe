/* Where there is no SharedWorker one tab leads: it has the line, and the others hear it by `storage` events.

   The lead is a lock, so that it passes on when the leader's tab goes. Where nothing can be stored the tabs cannot
   hear each other, and each has a line of its own. */
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
      if (!carrier) { carrier = Chat.carrier(tellAll); }
      leads = tab;
      say('', { say: 'leads' });
      listener.join();
    }

    function stepDown() {
      if (!carrier || isAlone) { return; }
      carrier.close();
      carrier = null;
      say('', { say: 'again' });
      seek(false);
      listener.join();
    }

    function goAlone() {
      if (isAlone || !isOpen) { return; }
      isAlone = true;
      lock.release();
      if (carrier) { return; }
      carrier = Chat.carrier(tellAll);
      listener.join();
    }

    /* Nobody answers who leads: it hangs, or sleeps. */
    function lost() {
      seek(true);
      listener.join();
    }

    function look() {
      hiddenLooks = Chat.isVisible() ? 0 : hiddenLooks + 1;
      var other = carrier && !isAlone && hiddenLooks > HIDDEN_LOOKS && carrier.visible();
      if (other) { say(other, { say: 'yours' }); }
    }

    /* Words between tabs: {from, to: a tab's id, 'leader' or '' for all, word} */

    function tell(word) {
      if (carrier) { carrier.hear(word, listener.heard); }
      else { say('leader', word); }
    }

    function tellAll(tabs, word) {
      if (tabs[tab]) { listener.heard(word); }
      for (var other in tabs) {
        if (other !== tab) { return say('', word); }
      }
    }

    /* It must differ from the word before to be heard, and stays no longer than it must. */
    function say(to, word) {
      if (isAlone) { return; }
      serial += 1;
      var isSaid = Chat.localStorage.write(key, { from: tab, to: to, serial: serial, word: word });
      Chat.localStorage.remove(key);
      if (!isSaid) { goAlone(); }
    }

    function heard(said) {
      var from = said.from;
      var isMine = said.to === tab || said.to === '';
      if (said.to === 'leader') {
        return carrier && carrier.hear(said.word, function (word) { say(from, word); });
      }
      if (carrier || !isMine) { return; }
      if (said.word.say === 'yours') { return seek(true); }
      if (said.word.say === 'leads' || said.word.say === 'again') { return !listener.isOut() && listener.join(); }
      if (said.word.say === 'joined') { leads = from; }
      if (from === leads) { listener.heard(said.word); }
    }

    Chat.localStorage.watch(function (changed, said) {
      if (changed === key && said && said.from !== tab && isOpen && !isAlone) { heard(said); }
    });
    Chat.every(look, LOOK_MS);

    return { open: open, close: close, tell: tell, lost: lost };
  };

}(window.Chat, window));
