/* Who is here and who is away: first all, then changes; in rooms too large for a list, only the count. */
(function (Chat, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var hereList = Chat.byId('roster-here');
  var awayList = Chat.byId('roster-away');
  var people = {};  // id → {user, isAway}

  function keyOf(user) {
    return 'u' + user.id;
  }

  function set(users, isAway) {
    Chat.each(users || [], function (user) { people[keyOf(user)] = { user: user, isAway: isAway }; });
  }

  function drop(users) {
    Chat.each(users || [], function (user) { delete people[keyOf(user)]; });
  }

  /* The reader first, then by name. */
  function order(one, other) {
    if (Chat.isMe(one.user) !== Chat.isMe(other.user)) { return Chat.isMe(one.user) ? -1 : 1; }
    return one.user.name.toLowerCase() < other.user.name.toLowerCase() ? -1 : 1;
  }

  function make(user) {
    var entry = Chat.make('li');
    entry.setAttribute('data-user', user.id);
    entry.appendChild(face());
    entry.appendChild(document.createTextNode(' '));
    entry.appendChild(Chat.make('bdi', 'name'));
    if (Chat.isMe(user)) { note(entry, 'you', 'you'); }
    if (user.kind === 'bot') { note(entry, 'kind', 'bot'); }
    return entry;
  }

  /* Initial and colour, and the dot over the corner. */
  function face() {
    var place = Chat.make('span', 'face');
    place.appendChild(Chat.make('i', 'avatar'));
    place.appendChild(Chat.make('i', 'dot'));
    place.setAttribute('aria-hidden', 'true');
    return place;
  }

  function line(user, find) {
    var entry = find(user.id) || make(user);
    var square = entry.querySelector('.avatar');
    square.className = 'avatar c' + user.colour;
    square.setAttribute('data-initial', user.initial || '');
    Chat.setText(entry.querySelector('.name'), user.name);
    return entry;
  }

  function note(entry, className, word) {
    entry.appendChild(document.createTextNode(' '));
    entry.appendChild(Chat.make('span', className, Chat.word(word)));
  }

  function fill(list, entries) {
    Chat.drawList(list, 'data-user', entries.map(function (entry) { return entry.user; }), line);
  }

  function showAway(isAny) {
    var part = Chat.byId('away');
    var heading = part.getElementsByTagName('h2')[0];
    var words = heading.getAttribute('data-words');
    Chat.setText(heading, isAny ? words : '');
    if (isAny) { part.removeAttribute('hidden'); }
    else { part.setAttribute('hidden', ''); }
  }

  function show(count) {
    var all = [];
    for (var key in people) { all.push(people[key]); }
    all.sort(order);
    var away = all.filter(function (entry) { return entry.isAway; });
    fill(hereList, all.filter(function (entry) { return !entry.isAway; }));
    fill(awayList, away);
    showAway(away.length > 0);
    Chat.setText(Chat.byId('here-count'), count);
    Chat.setText(Chat.byId('to-people'), Chat.plural('here', count));
  }

  Chat.on('presence', function (presence) {
    if (presence.room !== Chat.room) { return; }
    var isCountAlone = !presence.whole && !presence.came && !presence.went && !presence.away;
    if (presence.whole || isCountAlone) { people = {}; }
    set(presence.here, false);
    set(presence.came, false);
    set(presence.away, true);
    drop(presence.went);
    show(presence.count);
  });

}(window.Chat, document));
