/* Remembers for a day whether this network holds streams back: where it does, polls come first, and a stream is
   tried again beside them, after longer and longer pauses.

   A browser does not tell which network it is in. Some know its kind (`navigator.connection.type`); else there is
   one memory for all networks, and trying again corrects what the last one has left in it. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var KEY = 'roads';  // as earlier editions stored it
  var DAY_MS = 86400000;
  var FIRST_PAUSE_MS = 300000;
  var LONGEST_PAUSE_MS = 3600000;
  var SETTLE_MS = 5000;  // a page that has just loaded has more urgent things to do

  function network() {
    var connection = root.navigator && root.navigator.connection;
    return 'by ' + ((connection && connection.type) || 'any');
  }

  /* An entry from the future, or older than a day, is ignored: the clock may have been set. */
  function recalled(memory) {
    var kept = (memory.get(KEY) || {})[network()];
    var ageMs = kept ? Date.now() - kept.at : -1;
    return ageMs >= 0 && ageMs < DAY_MS ? { at: Chat.elapsed() - ageMs, tries: Number(kept.tries) || 1 } : null;
  }

  Chat.networkMemory = function (memory) {
    var known = {};  // what this page has seen itself, for browsers that store nothing

    function block() {
      if (!(network() in known)) { known[network()] = recalled(memory); }
      var is = known[network()];
      return is && Chat.elapsed() - is.at < DAY_MS ? is : null;
    }

    function keep(is) {
      var all = memory.get(KEY) || {};
      known[network()] = is;
      if (is) { all[network()] = { at: Date.now(), tries: is.tries }; }
      else { delete all[network()]; }
      memory.set(KEY, all);
    }

    return {
      isBlocked: function () { return Boolean(block()); },
      block: function () {
        var was = block();
        keep({ at: Chat.elapsed(), tries: was ? was.tries + 1 : 1 });
      },
      clear: function () { if (block()) { keep(null); } },
      pauseMs: function () {  // until a stream is tried again
        var is = block();
        if (!is) { return 0; }
        var pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * Math.pow(2, is.tries - 1));
        return Math.max(SETTLE_MS, is.at + pauseMs - Chat.elapsed());
      }
    };
  };

}(this.Chat, this));
