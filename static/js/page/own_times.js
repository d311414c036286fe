/* On pages with little script: shows the times that the server wrote in its own zone in the reader's zone. */
(function (Chat, document) {
  'use strict';
  if (!document.getElementsByTagName) { return; }

  var CLOCK_ALONE = /^\s*\d\d:\d\d/;  // beside a message, below the rule of its day

  function translate(time) {
    var moment = Chat.moments.parse(time.getAttribute('datetime'));
    if (!moment || !time.firstChild) { return; }
    var text = time.firstChild.nodeValue;
    var own = CLOCK_ALONE.test(text) ? Chat.moments.clock(moment) : Chat.moments.brief(moment);
    time.firstChild.nodeValue = own;
    time.title = Chat.moments.exact(moment);
    if (time.parentNode.className === 'when') { rename(time.parentNode, text, own); }
  }

  /* The link around it, whose name has the time and the server's zone, too. */
  function rename(when, text, own) {
    var zone = when.lastChild.nodeType === 3 ? when.removeChild(when.lastChild).nodeValue : '';
    var label = when.getAttribute('aria-label');
    if (label) { when.setAttribute('aria-label', label.replace(text + zone, own)); }
  }

  var times = document.getElementsByTagName('time');
  for (var i = 0; i < times.length; i += 1) { translate(times[i]); }

}(window.Chat, document));
