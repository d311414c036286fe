/* A stream by XMLHttpRequest, for engines without EventSource whose requests show what has come so far (Internet
   Explorer 10 and 11, Edge 12 to 18). `padding=1` fills the buffer that they hold back at first; the server ends such
   a stream after 128 KB, because the text of a request grows and never shrinks. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var LOOK_MS = 200;  // Internet Explorer 11 reports progress late, so the text is looked at
  var MOST_CHARACTERS = 1000000;  // something in between may have swallowed the server's own end
  var LOADING = 3;
  var DONE = 4;

  /* Internet Explorer throws where there is nothing to read yet. */
  function read(request, name) {
    try {
      return request[name];
    } catch (notYet) {
      return '';
    }
  }

  function isStream(request) {
    return request.status === 200 && /^text\/event-stream/.test(request.getResponseHeader('Content-Type') || '');
  }

  function open(url, received, ended) {
    var request = new root.XMLHttpRequest();
    var feed = Chat.frames(received);
    var fed = 0;
    var timer = Chat.every(look, LOOK_MS);

    function look() {
      if (read(request, 'readyState') < LOADING) { return; }
      if (read(request, 'status') && !isStream(request)) { return finish(true); }
      var text = read(request, 'responseText') || '';
      var piece = text.slice(fed);
      fed = text.length;
      if (piece) { feed(piece); }
      if (request.readyState === DONE || fed > MOST_CHARACTERS) { finish(false); }
    }

    function finish(isRefused) {
      close();
      ended(isRefused);
    }

    function close() {
      root.clearInterval(timer);
      request.onprogress = request.onreadystatechange = function () { };
      if (request.readyState !== DONE) { request.abort(); }
    }

    request.open('GET', url, true);
    request.setRequestHeader('Accept', 'text/event-stream');
    request.onprogress = request.onreadystatechange = Chat.guard(look);
    request.send(null);
    return close;
  }

  Chat.sources.push({
    query: { padding: 1 },
    isThere: function () { return 'onprogress' in new root.XMLHttpRequest(); },
    open: open
  });

}(this.Chat, this));
