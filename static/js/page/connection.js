/* The page's end of the line: it owns the page's cursor, emits every event by its name, once, and the line's state as
   `state`. The line is this page's own ladder, or one that it shares. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var cursor = Number(Chat.fact('cursor')) || 0;

  function absolute(name) {
    var link = document.createElement('a');
    link.href = Chat.url(name);
    return link.href;
  }

  var line = (Chat.sharing || Chat.ladder)({
    stream: absolute('stream'),
    poll: absolute('poll'),
    session: absolute('session'),
    me: Chat.me ? Chat.me.id : '',
    rooms: Chat.me || !Chat.room ? [] : [Chat.room],
    cursor: cursor,
    memory: {
      get: function (key) { return Chat.localStorage.read(Chat.drawer + key); },
      set: function (key, value) { Chat.localStorage.write(Chat.drawer + key, value); }
    },
    isHidden: function () { return !Chat.isVisible(); }
  }, receive);

  function receive(what, a, b) {
    if (what === 'event') { deliver(a, b.id, b.data); }
    else if (what === 'cursor') { cursor = Math.max(cursor, a); }
    else if (what === 'state') { setState(a, b); }
    else if (what === 'refused') { Chat.emit('refused', a); }
  }

  function deliver(name, id, data) {
    if (name === 'reset') {
      cursor = data.cursor;
    } else if (Chat.LOGGED[name]) {
      if (id <= cursor) { return; }
      cursor = id;
    }
    Chat.emit(name, data, id);
  }

  function setState(name, detail) {
    connection.state = name;
    Chat.emit('state', name, detail);
  }

  var connection = Chat.connection = {
    state: 'connecting',
    open: function () { line.open(); },
    close: function () { line.close(); },
    hurry: function () { line.hurry(); },
    cursor: function () { return cursor; }
  };

  /* Somebody else has signed in meanwhile: this page must not post or read for them. */
  Chat.on('another', function () {
    line.close();
    setState('stopped', 'signed-out');
  });

  /* Old engines show the page as loading for as long as a request runs that began before it was loaded. */
  function whenLoaded(then) {
    if (root.EventSource || document.readyState === 'complete') { return then(); }
    Chat.listen(root, 'load', function () { Chat.later(then, 0); });
  }

  Chat.start(function () {
    Chat.listen(root, 'online', function () { line.hurry(); });
    Chat.listen(document, 'visibilitychange', function () {
      if (Chat.isVisible()) { line.hurry(); }
    });
    Chat.listen(root, 'pagehide', connection.close);
    Chat.listen(root, 'pageshow', function (shown) { if (shown.persisted) { line.open(); } });
    whenLoaded(connection.open);
  });

}(window.Chat, window, document));
