/* Cuts the text of an event stream into frames, each of which ends with a blank line. What no blank line has closed
   is dropped: where a connection ends within a frame, or within a character, the next connection brings it whole. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  function parse(text, lastId) {
    var frame = { name: 'message', data: [], id: lastId };
    Chat.each(text.split('\n'), function (line) {
      var colon = line.indexOf(':');
      var field = colon < 0 ? line : line.slice(0, colon);
      var value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') { frame.name = value; }
      if (field === 'data') { frame.data.push(value); }
      if (field === 'id') { frame.id = value; }
    });
    return frame;
  }

  /* Returns a function that takes the text piece by piece, and calls `found` with name, data and last id. */
  Chat.frames = function (found) {
    var rest = '';
    var lastId = '';
    return function (piece) {
      var frames = (rest + piece).replace(/\r\n/g, '\n').split('\n\n');
      rest = frames.pop();
      Chat.each(frames, function (text) {
        var frame = parse(text, lastId);
        lastId = frame.id;
        if (frame.data.length) { found(frame.name, frame.data.join('\n'), frame.id); }
      });
    };
  };

}(this.Chat));
