/* Times as the reader's own clock and calendar have them; the server could only guess the zone. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var DAY_MS = 24 * 60 * 60 * 1000;
  var ISO = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?/;

  /* Month names belong to the page's language, the manner of writing them to the reader's country. */
  var locale = pickLocale(document.documentElement.lang || 'en', root.navigator.language || '');

  function pickLocale(pageLanguage, browserLocale) {
    var isSame = browserLocale.toLowerCase().split('-')[0] === pageLanguage.toLowerCase().split('-')[0];
    return isSame ? browserLocale : pageLanguage;
  }

  /* Read by hand: old engines don't know the form. */
  function parse(text) {
    var part = ISO.exec(text || '');
    if (!part) { return new Date(); }
    return new Date(Date.UTC(+part[1], part[2] - 1, +part[3], +part[4], +part[5], +part[6], +(part[7] || 0)));
  }

  function two(number) {
    return (number < 10 ? '0' : '') + number;
  }

  function dayOf(moment) {
    return moment.getFullYear() + '-' + two(moment.getMonth() + 1) + '-' + two(moment.getDate());
  }

  function written(moment, method, style, plain) {
    try {
      return moment[method](locale, style);
    } catch (unknownLocale) {
      return plain;
    }
  }

  function clock(moment) {
    var plain = two(moment.getHours()) + ':' + two(moment.getMinutes());
    return written(moment, 'toLocaleTimeString', { hour: '2-digit', minute: '2-digit' }, plain);
  }

  function date(moment, now) {
    var style = { weekday: 'long', day: 'numeric', month: 'long' };
    if (moment.getFullYear() !== now.getFullYear()) { style.year = 'numeric'; }
    return written(moment, 'toLocaleDateString', style, dayOf(moment));
  }

  /* "Today", "Yesterday", or the date. Noon to noon, because not every day has 24 hours. */
  function dayLabel(moment) {
    var now = new Date();
    var noon = new Date(now.getFullYear(), now.getMonth(), now.getDate(), 12);
    if (dayOf(moment) === dayOf(now)) { return Chat.word('today'); }
    if (dayOf(moment) === dayOf(new Date(noon.getTime() - DAY_MS))) { return Chat.word('yesterday'); }
    return date(moment, now);
  }

  function full(moment) {
    return date(moment, moment) + ', ' + clock(moment);
  }

  Chat.times = { parse: parse, dayOf: dayOf, clock: clock, dayLabel: dayLabel, full: full };

  /* At midnight "Today" becomes "Yesterday". */
  Chat.start(function () {
    var shown = dayOf(new Date());
    Chat.every(function () {
      var today = dayOf(new Date());
      if (today === shown) { return; }
      shown = today;
      Chat.emit('midnight');
    }, 30000);
  });

}(window.Chat, window, document));
