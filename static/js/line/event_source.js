/* A stream by EventSource. It is closed at the first error, since the ladder reconnects at its own pace and from its
   own cursor: some engines do not reconnect at all (Firefox before 36), and all hide why they were refused. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var CLOSED = 2;

  Chat.sources.push({
    query: {},
    isThere: function () { return Boolean(root.EventSource); },
    open: function (url, received, ended) {
      var source = new root.EventSource(url);
      Chat.each(Chat.EVENTS, function (name) {
        Chat.listen(source, name, function (frame) { received(name, frame.data, frame.lastEventId); });
      });
      Chat.listen(source, 'error', function () { ended(source.readyState === CLOSED); });
      return function () { source.close(); };
    }
  });

}(this.Chat, this));
