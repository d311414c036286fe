/* The texts that the server has not yet acknowledged: one queue for all tabs of this person in this browser.

   Each is an entry of its own in localStorage, under a key with the person's id, so that tabs never
   overwrite each other's, a reload or a crash loses none, and whoever signs in next here finds their own
   queue. What could not be stored is kept in this page alone. A mark is stored beside them: where it is missing,
   somebody has emptied the storage, and what is missing with it was not sent by another tab. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var KEPT_DAYS = 30;  // other people's texts: as long as a guest's name is kept
  var start = Chat.drawer + 'outbox.';
  var MARK = Chat.drawer + 'queue';
  var entries = [];    // {clientId, room, body, at, order, isFailed, reason}, as last read
  var detached = {};   // client id → an entry that is in this page alone
  var lastOrder = 0;

  /* The order in which they were written: the clock's, but always after what waits already. */
  function nextOrder() {
    Chat.each(entries, function (entry) { lastOrder = Math.max(lastOrder, entry.order); });
    lastOrder = Math.max(lastOrder + 1, Date.now());
    return lastOrder;
  }

  /* Make a text for a room an entry. */
  function add(entry) {
    look();
    sound(entry, entry.clientId || newClientId()).order = nextOrder();
    put(entry);
  }

  function newClientId() {
    var id = '';
    try {
      Chat.each(root.crypto.getRandomValues(new root.Uint8Array(16)), function (octet) {
        id += (octet % 36).toString(36);
      });
    } catch (old) {
      id = Math.random().toString(36).slice(2, 12) + Math.random().toString(36).slice(2, 12);
    }
    return id + Date.now().toString(36);
  }

  function put(entry) {
    look();
    keep(entry);
    list();
  }

  function keep(entry) {
    var isStored = Chat.localStorage.write(MARK, true) && Chat.localStorage.write(start + entry.clientId, entry);
    if (isStored) { delete detached[entry.clientId]; }
    else { detached[entry.clientId] = entry; }
  }

  /* Posted or discarded. A posted one is removed with its message, so that other tabs show it without a gap. */
  function remove(entry, message) {
    if (message && !detached[entry.clientId]) { Chat.localStorage.write(start + entry.clientId, { said: message }); }
    Chat.localStorage.remove(start + entry.clientId);
    entries = entries.filter(function (other) { return other.clientId !== entry.clientId; });
    delete detached[entry.clientId];
    look();
    for (var clientId in detached) { keep(detached[clientId]); }  // there may be room now
    list();
  }

  /* Read all entries, other tabs' included. Where the mark is missing, the event that the storage was emptied may still
     be on its way; or the entries were written by an edition that set none. */
  function look() {
    var known = entries;
    list();
    if (Chat.localStorage.read(MARK)) { return; }
    Chat.each(known, function (entry) { if (!find(entry.clientId)) { keep(entry); } });
    if (entries.length) { Chat.localStorage.write(MARK, true); }
    list();
  }

  function list() {
    entries = [];
    Chat.each(Chat.localStorage.keys(start), function (key) {
      var clientId = key.slice(start.length);
      var entry = Chat.localStorage.read(key);
      if (entry && entry.said) { Chat.localStorage.remove(key); }
      else if (entry && entry.body && !detached[clientId]) { entries.push(sound(entry, clientId)); }
    });
    for (var clientId in detached) { entries.push(detached[clientId]); }
    entries.sort(function (one, other) {
      return one.order - other.order || (one.clientId < other.clientId ? -1 : 1);
    });
  }

  /* An entry may be damaged, or of another edition: it must not hold up others. One without a text or a room is shown
     here as not sent. */
  function sound(stored, clientId) {
    var isText = typeof stored.body === 'string';
    var isWhole = isText && stored.room && typeof stored.room === 'string';
    var entry = isWhole ? stored : { isFailed: true, reason: Chat.word('unsendable'), room: Chat.room };
    entry.clientId = clientId;
    entry.body = Chat.wellFormed(isText ? stored.body : JSON.stringify(stored.body));
    entry.at = new Date(stored.at).getTime() || Date.now();
    entry.order = Number(stored.order) || entry.at;
    entry.isFailed = Boolean(entry.isFailed);
    entry.reason = String(entry.reason || '');
    return entry;
  }

  function find(clientId) {
    return entries.filter(function (entry) { return entry.clientId === clientId; })[0];
  }

  function hasDetached() {
    return entries.some(function (entry) { return detached[entry.clientId]; });
  }

  /* Another tab wrote, sent or discarded something; or the storage was emptied: then what this page knows is put
     back. */
  function changed(key, value) {
    if (key === null) { return Chat.each(entries.slice(), put); }
    if (key.indexOf(start) !== 0) { return; }
    var entry = find(key.slice(start.length));
    look();
    if (value && value.said && entry) { Chat.emit('settled', entry, value.said); }
    Chat.emit('outbox');
  }

  /* People who were last here long ago will not come back for their texts. */
  function sweep() {
    var ours = 'longwave.' + Chat.url('home') + '.';
    Chat.each(Chat.localStorage.keys(ours), function (key) {
      var entry = /\.outbox\.[\w-]+$/.test(key) && key.indexOf(start) !== 0 && Chat.localStorage.read(key);
      if (entry && Date.now() - entry.at > KEPT_DAYS * 86400000) { Chat.localStorage.remove(key); }
    });
  }

  Chat.queue = {
    add: add, put: put, remove: remove, look: look, find: find, hasDetached: hasDetached,
    all: function () { return entries; }
  };

  look();
  sweep();
  Chat.localStorage.watch(changed);

}(window.Chat, window));
