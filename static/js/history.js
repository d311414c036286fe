/* Older messages on scrolling up, newer ones on scrolling down again, and the room anew when it must be. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var PAGE = 50;
  var LARGE_PAGE = 200;  // for whoever reads further up
  var MOST_ROWS = 300;   // more would slow old machines down; trimmed ones are fetched again on scrolling up
  var KEPT_ROWS = 200;
  var PAUSE_MS = 3000;   // after a failure, so that scrolling doesn't hammer a server in trouble

  var rows = Chat.rows;
  var log = Chat.log;
  var olderLine = Chat.byId('older');
  var olderWords = olderLine.getAttribute('data-words');
  var hasMore = Boolean(Chat.fact('more'));
  var isBusy = false;
  var isOutdated = false;  // the log may miss something: it must be fetched anew
  var wantsEnd = false;

  /* One at a time; what asks in vain is asked again by the next scroll, the room anew by itself. */
  function fetch(query, done) {
    if (isBusy) { return; }
    isBusy = true;
    query.limit = query.limit || PAGE;
    Chat.net.get(Chat.url('messages', Chat.room), query, function (answer) {
      if (!answer.isOk || !answer.json) { return Chat.later(free, PAUSE_MS); }
      isBusy = false;
      Chat.guard(done)(answer.json);
      if (!isBusy) { free(); }
    });
  }

  function free() {
    isBusy = false;
    if (isOutdated) { renew(); }
  }

  function setMore(is) {
    hasMore = is;
    olderLine.getElementsByTagName('a')[0].textContent = is ? olderWords : '';
    if (is) { olderLine.removeAttribute('hidden'); }
    else {
      if (olderLine.contains(root.document.activeElement)) { rows.focus(rows.first()); }
      olderLine.setAttribute('hidden', '');
    }
  }

  /* Upwards */

  function older() {
    var first = rows.first();
    if (!hasMore || !first) { return; }
    fetch({ before: rows.idOf(first) }, function (page) {
      log.keepView(function () {
        setMore(page.more);
        Chat.each(page.messages.reverse(), log.put);
      });
    });
  }

  /* Downwards, where the newest were left out */

  function newer() {
    var last = rows.last();
    if (log.isLatest() || !last) { return; }
    fetch({ after: rows.idOf(last) }, function (page) {
      var top = log.scroller.scrollTop;
      Chat.each(page.messages, log.put);
      log.scroller.scrollTop = top;
      log.measure();
      if (!page.more) { arrive(page.cursor, newer); }
    });
  }

  /* The newest are here, unless others were heard of while the answer was on its way, which then had no place. */
  function arrive(cursor, fetchAgain) {
    if (!log.isLatest() && log.hasHeardBeyond(cursor)) { return fetchAgain(); }
    log.setLatest(true);
    Chat.remove(Chat.byId('newer'));
    log.count(0);
    leavePlace();
  }

  /* The address no longer names a place in the past: loaded again, the page is to show what one was reading. */
  function leavePlace() {
    if (!root.location.search || !root.history.replaceState) { return; }
    root.history.replaceState(null, '', Chat.url('room', Chat.room));
  }

  /* The room anew: what the answer does not hold goes, but for what is newer than `newest`, and a text that one
     is still writing. */

  function replaceAll(page, newest) {
    var isThere = {};
    Chat.each(page.messages, function (message) { isThere[message.id] = true; });
    Chat.each(rows.all(), function (row) {
      var isNews = rows.idOf(row) > newest && !row.chatIsDoubtful;
      row.chatIsDoubtful = false;
      if (!isThere[rows.idOf(row)] && !isNews && !row.chatIsEditing) { log.drop(row); }
    });
    Chat.each(page.messages, log.put);
    setMore('older' in page ? page.older : page.more);
    log.showEmpty();
  }

  /* Nobody can say what was missed, so it is asked for until it comes. */
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

  /* Whoever reads far up stays there; the newest are fetched when one goes down to them. */
  function renewAround(id) {
    fetch({ around: id, limit: LARGE_PAGE }, function (page) {
      isOutdated = false;
      log.keepView(function () { replaceAll(page, Infinity); });
      log.setLatest(false);
      if (!page.newer) { arrive(page.cursor, newer); }
    });
  }

  /* What stands here with a higher number than there is any more is of a time that the server has lost. */
  function reset(data) {
    Chat.each(rows.all(), function (row) { row.chatIsDoubtful = rows.idOf(row) > data.cursor; });
    renew();
  }

  function latest() {
    wantsEnd = true;
    renew();
  }

  /* A log that follows the news for days must not grow for ever. */
  function trim() {
    var all = rows.all();
    if (!log.isAtEnd() || all.length <= MOST_ROWS) { return; }
    log.keepView(function () {
      for (var i = 0; i < all.length - KEPT_ROWS; i += 1) { Chat.remove(all[i]); }
      Chat.seams.mendAll();
      setMore(true);
    });
  }

  Chat.history = { older: older, newer: newer, latest: latest, trim: trim };

  Chat.on('reset', reset);

  function follow(link, fetchMore) {
    Chat.listen(link, 'click', function (click) {
      click.preventDefault();
      fetchMore();
    });
  }

  Chat.start(function () {
    var ways = Chat.byId('newer') ? Chat.byId('newer').getElementsByTagName('a') : [];
    follow(olderLine, older);
    Chat.each(ways, function (way, i) { follow(way, i === ways.length - 1 ? latest : newer); });
    Chat.on('written', leavePlace);
  });

}(window.Chat, window));
