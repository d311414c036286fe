/* The page's names for days: "Today" and "Yesterday" are the reader's own, counted from the server's time. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var DAY_MS = 24 * 60 * 60 * 1000;
  var moments = Chat.moments;

  function now() {
    return new Date(Chat.serverTime.now());
  }

  /* Noon to noon, because not every day has 24 hours. */
  function dayLabel(moment) {
    var today = now();
    var noon = new Date(today.getFullYear(), today.getMonth(), today.getDate(), 12);
    var day = moments.dayOf(moment);
    if (day === moments.dayOf(today)) { return Chat.word('today'); }
    if (day === moments.dayOf(new Date(noon.getTime() - DAY_MS))) { return Chat.word('yesterday'); }
    return moments.day(moment, moment.getFullYear() !== today.getFullYear());
  }

  Chat.times = { now: now, dayLabel: dayLabel };

  Chat.serverTime.learn((moments.parse(Chat.fact('now')) || 0).valueOf());

  /* At midnight "Today" becomes "Yesterday", also when only the first answer shows that it is past midnight. */
  Chat.start(function () {
    var shown = moments.dayOf(now());
    Chat.every(function () {
      var today = moments.dayOf(now());
      if (today === shown) { return; }
      shown = today;
      Chat.emit('midnight');
    }, 30000);
  });

}(window.Chat));
