/* A stream by <event-source>, the element that Opera 9 and 10 had before EventSource.

   That draft knew neither ids nor errors. An event without an id only says that there is news, which a poll
   then fetches; a stream that never starts, or ends, is noticed by its silence. */
(function (Chat, document) {
  'use strict';
  if (!Chat.supported) { return; }

  Chat.sources.push({
    query: { dialect: 'dom' },
    isThere: function () {
      return typeof document.createElement('event-source').addEventSource === 'function' ||
        /EventSource/.test(String(document.createElement('event-source')));
    },
    open: function (url, received) {
      var element = document.createElement('event-source');
      Chat.each(Chat.EVENTS, function (name) {
        Chat.listen(element, name, function (frame) { received(name, frame.data, frame.lastEventId || ''); });
      });
      element.setAttribute('src', url);
      document.body.appendChild(element);
      return function () {
        element.setAttribute('src', '');
        Chat.remove(element);
      };
    }
  });

}(this.Chat, document));
