/* The rooms and what is unread in each; the sum stands in the title, and as a dot on the icon. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var list = Chat.byId('room-list');
  var elsewhere = Chat.byId('elsewhere');
  var icon = document.querySelector('link[rel="icon"][type="image/svg+xml"]');
  var quietIcon = icon && icon.getAttribute('href');

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

  function setUnread(slug, count) {
    var entry = find(slug);
    if (!entry) { return; }
    var badge = entry.querySelector('.badge');
    entry.setAttribute('data-unread', count);
    Chat.toggle(entry, 'unread', count > 0);
    badge.textContent = count || '';
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
    document.title = (sum ? '(' + sum + ') ' : '') + Chat.isolated(roomName());
    if (icon) { icon.setAttribute('href', sum ? Chat.fact('icon-unread') : quietIcon); }
    if (others) { elsewhere.removeAttribute('hidden'); }
    else { elsewhere.setAttribute('hidden', ''); }
  }

  function roomName() {
    return Chat.byId('room-name').textContent;
  }

  /* A room that I opened or joined on another device. The event does not say its name; joining once more,
     which changes nothing, does. */
  function enter(slug) {
    var entry = find(slug);
    if (entry) { return Chat.toggle(entry, 'joined', true); }
    list.appendChild(make(slug));
    Chat.net.post(Chat.url('join', slug), null, function (answer) {
      if (answer.isOk && answer.json) { rename(answer.json); }
    });
  }

  function rename(room) {
    var entry = find(room.slug);
    if (entry) { entry.querySelector('.name').textContent = room.name; }
  }

  function make(slug) {
    var entry = Chat.make('li', 'joined');
    entry.setAttribute('data-room', slug);
    var link = entry.appendChild(Chat.make('a'));
    link.href = Chat.url('room', slug);
    link.appendChild(Chat.icon('hash'));
    link.appendChild(document.createTextNode(' '));
    link.appendChild(Chat.make('bdi', 'name', slug));
    link.appendChild(document.createTextNode(' '));
    var badge = link.appendChild(Chat.make('span', 'badge'));
    badge.setAttribute('role', 'img');
    badge.setAttribute('hidden', '');
    return entry;
  }

  /* What the stream brings */

  function isMine(user) {
    return Boolean(Chat.me) && String(user.id) === Chat.me.id;
  }

  Chat.on('message', function (message) {
    var entry = find(message.room);
    var isSeen = message.room === Chat.room && Chat.log.isSeen();
    if (!entry || isMine(message.author) || isSeen) { return; }
    setUnread(message.room, unreadOf(entry) + 1);
  });

  Chat.on('read', function (reading) {
    setUnread(reading.room, reading.unread);
  });

  /* Whoever writes in a room is in it from then on, and the line may not look at that room's file yet. */
  Chat.on('settled', function (entry, message) {
    var room = find(message.room);
    if (!room || !Chat.has(room, 'joined')) { Chat.connection.hurry(); }
  });

  Chat.on('join', function (joining) {
    if (isMine(joining.user)) { enter(joining.room); }
  });

  Chat.on('leave', function (leaving) {
    if (!isMine(leaving.user)) { return; }
    setUnread(leaving.room, 0);
    if (find(leaving.room)) { Chat.toggle(find(leaving.room), 'joined', false); }
    if (leaving.room === Chat.room) { root.location.assign(Chat.url('home')); }
  });

  Chat.on('room', function (room) {
    rename(room);
    if (room.slug !== Chat.room) { return; }
    Chat.byId('room-name').firstChild.textContent = room.name;
    Chat.byId('room-topic').firstChild.textContent = room.topic || '';
    showSum();
  });

  Chat.rooms = { setUnread: setUnread };

  Chat.start(showSum);

}(window.Chat, window, document));
