/* The list of rooms, beside a room or on the first page, as the log and the server have it. What is unread in them
   is also shown in the title, and as a dot on the icon. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var MOST_BESIDE = 50;  // as many as the server shows beside a room
  var list = Chat.byId('room-list');
  var isBeside = Boolean(Chat.room);
  var elsewhere = Chat.byId('elsewhere');
  var allRooms = Chat.byId('all-rooms');
  var noRooms = Chat.byId('no-rooms');
  var icon = document.querySelector('link[rel="icon"][type="image/svg+xml"]');
  var quietIcon = icon && icon.getAttribute('href');
  var quietTitle = document.title;

  function find(slug) {
    var found = null;
    Chat.each(list.children, function (entry) {
      if (entry.getAttribute('data-room') === slug) { found = entry; }
    });
    return found;
  }

  function unreadOf(entry) {
    return Number(entry.getAttribute('data-unread')) || 0;
  }

  function nameOf(entry) {
    return entry.querySelector('.name').textContent;
  }

  function setUnread(slug, count) {
    var entry = find(slug);
    if (!entry) { return; }
    var badge = entry.querySelector('.badge');
    entry.setAttribute('data-unread', count);
    Chat.toggle(entry, 'unread', count > 0);
    Chat.setText(badge, count || '');
    badge.setAttribute('aria-label', Chat.plural('unread', count));
    if (count) { badge.removeAttribute('hidden'); }
    else { badge.setAttribute('hidden', ''); }
    showSum();
  }

  function showSum() {
    var sum = 0;
    var others = 0;
    Chat.each(list.children, function (entry) {
      sum += unreadOf(entry);
      if (!Chat.has(entry, 'current')) { others += unreadOf(entry); }
    });
    document.title = (sum ? '(' + sum + ') ' : '') + quietTitle;
    if (icon) { icon.setAttribute('href', sum ? Chat.fact('icon-unread') : quietIcon); }
    if (elsewhere && others) { elsewhere.removeAttribute('hidden'); }
    else if (elsewhere) { elsewhere.setAttribute('hidden', ''); }
  }

  /* Entries, as the templates make them */

  function make(slug) {
    var entry = Chat.make('li');
    var link = entry.appendChild(Chat.make('a', isBeside ? '' : 'card'));
    var title = isBeside ? link : link.appendChild(Chat.make('b'));
    entry.setAttribute('data-room', slug);
    link.href = Chat.url('room', slug);
    title.appendChild(Chat.icon('hash'));
    title.appendChild(document.createTextNode(' '));
    title.appendChild(Chat.make('bdi', 'name'));
    link.appendChild(document.createTextNode(' '));
    link.appendChild(Chat.make('span', isBeside ? 'twin' : 'twin hint'));
    link.appendChild(document.createTextNode(' '));
    link.appendChild(makeBadge());
    if (!isBeside) { link.appendChild(Chat.make('span', 'topic')).appendChild(Chat.make('bdi')); }
    return entry;
  }

  function makeBadge() {
    var badge = Chat.make('span', 'badge');
    badge.setAttribute('role', 'img');
    badge.setAttribute('hidden', '');
    return badge;
  }

  function fill(entry, room) {
    var topic = entry.querySelector('.topic');
    Chat.setText(entry.querySelector('.name'), room.name);
    if (topic) { Chat.setText(topic.firstChild, room.topic || ''); }
    if (room.slug === Chat.room) { showHeading(room); }
    return entry;
  }

  /* Rooms of the same name show their addresses, too. The server marks them in its lists; among those that the log
     brings, names that differ only in capitals are the same. */

  function showTwin(entry, hasTwin) {
    var slug = entry.getAttribute('data-room');
    var address = isBeside ? slug : Chat.url('room', slug);
    Chat.setText(entry.querySelector('.twin'), hasTwin ? address : '');
  }

  function showTwins(name) {
    var bearers = Array.prototype.filter.call(list.querySelectorAll('[data-room]'), function (entry) {
      return nameOf(entry).toLowerCase() === name.toLowerCase();
    });
    Chat.each(bearers, function (entry) { showTwin(entry, bearers.length > 1); });
  }

  function showHeading(room) {
    var field = Chat.byId('body');
    var words = Chat.word('write-to', { room: room.name });
    quietTitle = Chat.isolated(room.name);
    Chat.setText(Chat.byId('room-name').firstChild, room.name);
    Chat.setText(Chat.byId('about-name'), room.name);
    Chat.setText(Chat.byId('room-topic').firstChild, room.topic || '');
    Chat.setText(Chat.byId('about-topic'), room.topic || '');
    if (field) {
      field.setAttribute('placeholder', words);
      Chat.setText(document.querySelector('label[for="body"]'), words);
    }
    showSum();
  }

  /* The server's order: ASCII letters are compared without case. */
  function keyOf(name) {
    return name.replace(/[A-Z]/g, function (letter) { return letter.toLowerCase(); });
  }

  function place(entry) {
    var key = keyOf(nameOf(entry));
    var next = null;
    for (var other = list.lastElementChild; other; other = other.previousElementSibling) {
      if (other === entry) { continue; }
      if (keyOf(nameOf(other)) <= key) { break; }
      next = other;
    }
    if (entry.parentNode !== list || entry.nextElementSibling !== next) { list.insertBefore(entry, next); }
  }

  function showMore(isMore) {
    if (allRooms) { showLine(allRooms, allRooms.querySelector('.words'), isMore); }
  }

  function showLine(line, place, isShown) {
    Chat.setText(place, isShown ? line.getAttribute('data-words') : '');
    if (isShown) { line.removeAttribute('hidden'); }
    else { line.setAttribute('hidden', ''); }
  }

  /* What the log brings */

  function change(room) {
    var entry = find(room.slug);
    var before = entry && nameOf(entry);
    if (!entry) { return; }
    fill(entry, room);
    if (room.name === before) { return; }
    Chat.roomPlace.keep(function () { place(entry); });
    showTwins(before);
    showTwins(room.name);
  }

  Chat.on('room', change);

  Chat.on('listed', function (room) {
    if (find(room.slug)) { return change(room); }
    if (!isBeside) { return Chat.snapshot.ask(); }  // it may belong to another part of the list
    if (list.children.length >= MOST_BESIDE) { return showMore(true); }
    Chat.roomPlace.keep(function () { place(fill(make(room.slug), room)); });
    showTwins(room.name);
  });

  Chat.on('unread', setUnread);

  /* Posting in a room joins it, and the line may not look at that room's file yet. */
  Chat.on('settled', function (entry, message) {
    var room = find(message.room);
    if (!room || !Chat.has(room, 'joined')) { Chat.connection.hurry(); }
  });

  /* What the server lists */

  function take(snapshot) {
    Chat.drawList(list, 'data-room', snapshot.rooms, function (room, findEntry) {
      var entry = fill(findEntry(room.slug) || make(room.slug), room);
      showTwin(entry, room.has_twin);
      Chat.toggle(entry, 'joined', room.is_member);
      return entry;
    });
    showMore(snapshot.more);
    if (noRooms) { showLine(noRooms, noRooms, !snapshot.rooms.length); }
    showSum();
  }

  /* Somebody who is no longer in the room of this page has left it elsewhere: reading does not bring them back. */
  function isStillIn(snapshot) {
    return !isBeside || !Chat.me || snapshot.rooms.some(function (room) {
      return room.slug === Chat.room && room.is_member;
    });
  }

  Chat.on('snapshot', function (snapshot) {
    if (!isStillIn(snapshot)) { return root.location.assign(Chat.url('home')); }
    Chat.roomPlace.keep(function () { take(snapshot); });
  });

  Chat.start(function () {
    if (isBeside) { quietTitle = Chat.isolated(Chat.byId('room-name').textContent); }
    Chat.each(list.querySelectorAll('[data-room]'), function (entry) {
      var readId = entry.getAttribute('data-read-id');
      Chat.unread.set(entry.getAttribute('data-room'), unreadOf(entry), Number(Chat.fact('cursor')),
        readId ? Number(readId) : undefined);
    });
    showSum();
  });

}(window.Chat, window, document));
