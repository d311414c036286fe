/* localStorage, which all tabs of this browser share and which outlives them; it may be full, forbidden or absent.
   Nothing here throws; `write` returns whether the value was stored. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  function read(key) {
    try {
      return JSON.parse(root.localStorage.getItem(key));
    } catch (forbidden) {
      return null;
    }
  }

  function write(key, value) {
    try {
      root.localStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch (fullOrForbidden) {
      return false;
    }
  }

  function remove(key) {
    try {
      root.localStorage.removeItem(key);
    } catch (forbidden) { }
  }

  /* The keys with this prefix. */
  function keys(start) {
    var found = [];
    try {
      for (var i = 0; i < root.localStorage.length; i += 1) {
        var key = root.localStorage.key(i);
        if (key.indexOf(start) === 0) { found.push(key); }
      }
    } catch (forbidden) { }
    return found;
  }

  /* `changed(key, value)` is called when another tab has written; value null: removed, key null: all is removed. */
  function watch(changed) {
    Chat.listen(root, 'storage', function (change) {
      if (change.storageArea && change.storageArea !== areaOrNull()) { return; }
      changed(change.key, parse(change.newValue));
    });
  }

  function areaOrNull() {
    try {
      return root.localStorage;
    } catch (forbidden) {
      return null;
    }
  }

  function parse(text) {
    try {
      return JSON.parse(text);
    } catch (notOurs) {
      return null;
    }
  }

  Chat.localStorage = { read: read, write: write, remove: remove, keys: keys, watch: watch };

}(window.Chat, window));
