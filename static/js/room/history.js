/* Fetches older messages on scrolling up, newer ones on scrolling down again, and all of the room after a reset. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var PAGE = 50;
  var LARGE_PAGE = 200;  // for somebody who reads further up
  var MOST_ROWS = 300;   // more would slow old machines down; trimmed ones are fetched again on scrolling up
  var KEPT_ROWS = 200;
  var PAUSE_MS = 3000;   // after a failure, so that scrolling doesn't hammer a server in trouble

  var rows = Chat.rows;
  var log = Chat.log;
  var olderLine = Chat.byId('older');
  var olderWords = olderLine.getAttribute('data-words');
  var hasMore = Boolean(Chat.fact('more'));
  /* Between these all messages are here; a row that is in use may stand apart from them. */
  var firstId = rows.first() ? rows.idOf(rows.first()) : 0;
  var lastId = rows.last() ? rows.idOf(rows.last()) : 0;
  var isBusy = false;
  var isOutdated = false;  // the log may miss something: it must be fetched anew
  var wantsEnd = false;
  var pressed = null;      // what somebody requested by a link and is not being fetched yet,
  var underWay = null;     // and what is: until it has come

  /* One request at a time. After a failure the next scroll tries again; a renewal repeats itself, and a link waits its
     turn. */
  function fetch(query, done) {
    if (isBusy) { return; }
    isBusy = true;
    query.limit = query.limit || PAGE;
    Chat.net.get(Chat.url('messages', Chat.room), query, function (answer) {
      if (!answer.isOk || !answer.json) { return missed(answer); }
      isBusy = false;
      underWay = null;
      Chat.guard(done)(answer.json);
      if (!isBusy) { free(); }
    });
  }

  /* A final refusal is shown elsewhere. */
  function missed(answer) {
    if (!isOutdated && (!answer.status || answer.status >= 429)) { pressed = pressed || underWay; }
    underWay = null;
    Chat.later(free, PAUSE_MS);
  }

  function free() {
    isBusy = false;
    if (isOutdated) { return renew(); }
    underWay = pressed;
    pressed = null;
    if (underWay) { underWay(); }
    if (!isBusy) { underWay = null; }
  }

  function setMore(is) {
    hasMore = is;
    Chat.setText(olderLine.getElementsByTagName('a')[0], is ? olderWords : '');
    if (is) { olderLine.removeAttribute('hidden'); }
    else {
      if (olderLine.contains(root.document.activeElement)) { rows.focus(rows.first()); }
      olderLine.setAttribute('hidden', '');
    }
  }

  /* Upwards */

  function older(limit, then) {
    if (!hasMore || !firstId) { return; }
    fetch({ before: firstId, limit: limit }, function (page) {
      var isAtTop = log.scroller.scrollTop === 0;
      log.keepView(function () {
        setMore(page.more);
        if (page.messages.length) { firstId = page.messages[0].id; }
        Chat.each(page.messages.reverse(), log.put);
      });
      if (then && isAtTop) { then(); }
    });
  }

  /* To the first unread message: where it is near, by fetching what lies between, else what is around it. */

  function olderToNew() {
    if (Number(Chat.fact('new-count')) <= LARGE_PAGE) { older(LARGE_PAGE, showNew); }
  }

  function aroundNew() {
    renewAround(Chat.separators.newId(), showNew);
  }

  function showNew() {
    var rule = Chat.separators.newRule();
    if (rule) { log.showAtTop(rule); }
  }

  /* Downwards, where the newest were left out */

  function newer() {
    if (log.isLatest() || !lastId) { return; }
    fetch({ after: lastId }, function (page) {
      var top = log.scroller.scrollTop;
      if (page.messages.length) { lastId = page.messages[page.messages.length - 1].id; }
      Chat.each(page.messages, log.put);
      log.scroller.scrollTop = top;
      log.measure();
      if (!page.more) { arrive(page.cursor, newer); }
    });
  }

  /* The newest are here, unless others came while the answer was on its way, which were not shown then. */
  function arrive(cursor, fetchAgain) {
    if (!log.isLatest() && log.hasNewsBeyond(cursor)) { return fetchAgain(); }
    log.setLatest(true);
    Chat.remove(Chat.byId('newer'));
    log.count([], 0);
    leavePlace();
  }

  /* The address must no longer name a place in the past: a reload should show what was being read. */
  function leavePlace() {
    if (!root.location.search || !root.history.replaceState) { return; }
    root.history.replaceState(null, '', Chat.url('room', Chat.room));
  }

  /* Replace all rows: those that the answer lacks are removed, except those newer than `newest` and those in use; a row
     that is being edited stays whatever became of its message. */

  function replaceAll(page, newest) {
    var isThere = {};
    Chat.each(page.messages, function (message) { isThere[message.id] = true; });
    Chat.each(rows.all(), function (row) {
      var isNeeded = rows.idOf(row) > newest || rows.isInUse(row);
      if (row.chatIsDoubtful) { isNeeded = row.chatIsEditing; }
      row.chatIsDoubtful = false;
      if (!isThere[rows.idOf(row)] && !isNeeded) { log.drop(row); }
    });
    Chat.each(page.messages, log.put);
    firstId = page.messages.length ? page.messages[0].id : 0;
    lastId = page.messages.length ? page.messages[page.messages.length - 1].id : 0;
    setMore('older' in page ? page.older : page.more);
    log.showEmpty();
    Chat.emit('replaced', page);
  }

  /* It is unknown what was missed, so the room is fetched until it comes. */
  function renew() {
    isOutdated = true;
    fetch({ limit: wantsEnd || log.isAtEnd() ? PAGE : LARGE_PAGE }, function (page) {
      var readId = wantsEnd ? 0 : log.readId();
      if (readId && page.more && readId < page.messages[0].id) { return renewAround(readId); }
      isOutdated = false;
      log.keepView(function () { replaceAll(page, page.cursor); });
      arrive(page.cursor, renew);
      if (!log.isLatest()) { return; }
      if (wantsEnd) { log.toEnd(); }
      wantsEnd = false;
      Chat.emit('at-end');
    });
  }

  /* Somebody who reads far up stays there; the newest are fetched on scrolling down to them. */
  function renewAround(id, then) {
    fetch({ around: id, limit: LARGE_PAGE }, function (page) {
      isOutdated = false;
      log.keepView(function () { replaceAll(page, Infinity); });
      log.setLatest(false);
      if (!page.newer) { arrive(page.cursor, newer); }
      if (then) { then(); }
    });
  }

  /* Rows with a higher id than the server's log are from a time that it has lost. */
  function reset(data) {
    Chat.each(rows.all(), function (row) { row.chatIsDoubtful = rows.idOf(row) > data.cursor; });
    renew();
  }

  function latest() {
    wantsEnd = true;
    renew();
  }

  /* A log that is open for days must not grow for ever. Rows in use stay. */
  function trim() {
    var all = rows.all();
    if (!log.isAtEnd() || all.length <= MOST_ROWS) { return; }
    var surplus = Array.prototype.slice.call(all, 0, all.length - KEPT_ROWS).filter(function (row) {
      return !rows.isInUse(row);
    });
    if (!surplus.length) { return; }
    log.keepView(function () {
      Chat.each(surplus, Chat.remove);
      firstId = rows.idOf(all[all.length - KEPT_ROWS]);
      Chat.separators.mendAll();
      setMore(true);
    });
  }

  Chat.history = { older: older, newer: newer, latest: latest, trim: trim, olderToNew: olderToNew };

  Chat.on('reset', reset);

  function follow(link, fetchMore) {
    Chat.listen(link, 'click', function (click) {
      if (Chat.isModified(click)) { return; }
      click.preventDefault();
      pressed = fetchMore;
      if (!isBusy) { free(); }
    });
  }

  Chat.start(function () {
    var ways = Chat.byId('newer') ? Chat.byId('newer').getElementsByTagName('a') : [];
    follow(olderLine, function () { older(); });
    if (Chat.byId('new-above')) { follow(Chat.byId('new-above'), aroundNew); }
    Chat.each(ways, function (way, i) { follow(way, i === ways.length - 1 ? latest : newer); });
    Chat.on('written', leavePlace);
  });

}(window.Chat, window));
