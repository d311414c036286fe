/* How much is unread in each room: the server's count as of an event, and the messages that came since. Where that is
   not enough, the server is asked. */
(function (Chat) {
  'use strict';
  if (!Chat.supported) { return; }

  var MOST = 1000;   // the server counts no further
  var SURE = 50;     // up to here it counts exactly in every room of a list
  var counts = {};   // slug → {number, at: the event as of which, readId: beyond which, if known, news: ids}

  function countOf(slug) {
    counts[slug] = counts[slug] || { number: 0, at: 0, news: [] };
    return counts[slug];
  }

  function sum(count) {
    return Math.min(MOST, count.number + count.news.length);
  }

  function publish(slug) {
    Chat.emit('unread', slug, sum(countOf(slug)));
  }

  /* The server's count beyond `readId`, when its log ended with the event `at`. */
  function set(slug, number, at, readId) {
    var count = countOf(slug);
    if (at < count.at) { return; }
    var news = count.news.filter(function (id) { return id > at; });
    counts[slug] = { number: number, at: at, readId: readId, news: news };
    publish(slug);
  }

  /* What is in view here is read, though the server may not know it yet. */
  function clear(slug) {
    var count = countOf(slug);
    count.number = 0;
    count.news = [];
    publish(slug);
  }

  function isUnsent(slug, readId) {
    return slug === Chat.room && Chat.read.seenId() > (readId || 0);
  }

  Chat.on('message', function (message) {
    var count = countOf(message.room);
    var isSeen = message.room === Chat.room && Chat.log.isSeen();
    if (isSeen || message.removed || message.id <= count.at || Chat.isMe(message.author)) { return; }
    count.news.push(message.id);
    publish(message.room);
  });

  Chat.on('remove', function (message, id) {
    var count = countOf(message.room);
    var place = count.news.indexOf(message.id);
    if (place >= 0) { count.news.splice(place, 1); }
    else if (!takeOff(count, message, id)) { return; }
    publish(message.room);
  });

  /* One that the server may have counted: the page subtracts it where it is sure, since otherwise all readers of the
     removal would ask at once. */
  function takeOff(count, message, id) {
    if (!count.number || id <= count.at || Chat.isMe(message.author)) { return false; }
    if (count.readId === undefined || count.number > SURE) {
      Chat.snapshot.ask();
      return false;
    }
    var isCounted = message.id > count.readId && message.id <= count.at;
    if (isCounted) { count.number -= 1; }
    return isCounted;
  }

  Chat.on('read', function (reading, id) {
    if (!isUnsent(reading.room, reading.read_id)) { set(reading.room, reading.unread, id, reading.read_id); }
  });

  /* Nothing is unread after joining or leaving. */
  function moved(move, id) {
    if (Chat.isMe(move.user)) { set(move.room, 0, id); }
  }

  Chat.on('join', moved);
  Chat.on('leave', moved);

  /* Other events will have the ids of lost ones. */
  Chat.on('reset', function () { counts = {}; });

  Chat.on('snapshot', function (snapshot) {
    Chat.each(snapshot.rooms, function (room) {
      var isCounted = room.is_member && !isUnsent(room.slug, room.read_id);
      if (isCounted) { set(room.slug, room.unread, snapshot.cursor, room.read_id); }
    });
  });

  Chat.unread = {
    set: set, clear: clear,
    isAny: function () {
      for (var slug in counts) {
        if (sum(counts[slug])) { return true; }
      }
      return false;
    }
  };

}(this.Chat));
