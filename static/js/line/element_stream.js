/* A stream by the older dialect: Opera 9 and 10 know an element, <event-source>, before EventSource.

   That draft knew neither ids nor errors. An event without an id only rings, and a poll brings what there is; a
   stream that does not come, or ends, is found by its silence. */
(function (Chat, document) {
  'use strict';
  if (!Chat.supported) { return; }

  Chat.sources.push({
    query: { dialect: 'dom' },
    isThere: function () {
      return typeof document.createElement('event-source').addEventSource === 'function' ||
        /EventSource/.test(String(document.createElement('event-source')));
    },
    open: function (url, heard) {
      var element = document.createElement('event-source');
      Chat.each(Chat.EVENTS, function (name) {
        Chat.listen(element, name, function (frame) { heard(name, frame.data, frame.lastEventId || ''); });
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
