/* Formats times by the reader's own clock and locale; the server could only guess the zone. */
(function (Chat, root, document) {
  'use strict';
  if (Chat.supported === false) { return; }

  var ISO = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?/;

  /* Month names follow the page's language, formats the reader's country. */
  var locale = pickLocale(document.documentElement.lang || 'en', root.navigator.language || '');

  function pickLocale(pageLanguage, browserLocale) {
    var isSame = browserLocale.toLowerCase().split('-')[0] === pageLanguage.toLowerCase().split('-')[0];
    return isSame ? browserLocale : pageLanguage;
  }

  /* Parsed by hand, because old engines don't know the format. Null for anything else. */
  function parse(text) {
    var part = ISO.exec(text || '');
    if (!part) { return null; }
    return new Date(Date.UTC(+part[1], part[2] - 1, +part[3], +part[4], +part[5], +part[6], +(part[7] || 0)));
  }

  function two(number) {
    return (number < 10 ? '0' : '') + number;
  }

  function dayOf(moment) {
    return moment.getFullYear() + '-' + two(moment.getMonth() + 1) + '-' + two(moment.getDate());
  }

  /* A normal space before AM and PM: the page decides where lines may break. */
  function written(moment, method, style, plain) {
    try {
      return moment[method](locale, style).replace(/\u202f/g, ' ');
    } catch (unknownLocale) {
      return plain;
    }
  }

  function clock(moment) {
    var plain = two(moment.getHours()) + ':' + two(moment.getMinutes());
    return written(moment, 'toLocaleTimeString', { hour: '2-digit', minute: '2-digit' }, plain);
  }

  function day(moment, hasYear) {
    var style = { weekday: 'long', day: 'numeric', month: 'long' };
    if (hasYear) { style.year = 'numeric'; }
    return written(moment, 'toLocaleDateString', style, dayOf(moment));
  }

  /* In the server's format for an unknown zone: 20 Nov 2026, 14:00. */
  function brief(moment) {
    return written(moment, 'toLocaleDateString', { day: 'numeric', month: 'short', year: 'numeric' }, dayOf(moment)) +
      ', ' + clock(moment);
  }

  function full(moment) {
    return day(moment, true) + ', ' + clock(moment);
  }

  /* The same with seconds and the zone. */
  function exact(moment) {
    var style = { hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' };
    return day(moment, true) + ', ' + written(moment, 'toLocaleTimeString', style, clock(moment));
  }

  Chat.moments = {
    parse: parse, dayOf: dayOf, clock: clock, day: day, brief: brief, full: full, exact: exact
  };

}(window.Chat, window, document));
