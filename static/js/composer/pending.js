/* One's own messages before they are settled, as rows at the end of the log: sending, waiting, or failed. */
(function (Chat, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var shown = {};  // client id → row
  var countdown = null;

  function make(entry) {
    var row = Chat.make('li', 'message pending mine');
    var avatar = row.appendChild(Chat.make('span', 'avatar c' + Chat.me.colour, Chat.me.initial));
    var byline = row.appendChild(Chat.make('p', 'byline'));
    avatar.setAttribute('aria-hidden', 'true');
    byline.appendChild(Chat.make('b', 'author')).appendChild(Chat.make('bdi', '', Chat.me.name));
    var text = row.appendChild(Chat.make('div', 'text'));
    text.appendChild(Chat.make('span', 'said', entry.body));
    text.appendChild(document.createTextNode(' '));
    text.appendChild(Chat.make('i', 'status'));
    row.setAttribute('data-author', Chat.me.id);
    row.setAttribute('data-client-id', entry.clientId);
    row.chatMoment = momentOf(entry);
    return row;
  }

  /* When it was written, by the server's clock; never earlier than the last message, since it stands below it. */
  function momentOf(entry) {
    var last = Chat.rows.last();
    return new Date(Math.max(Chat.serverTime.of(entry.at), last ? Chat.rows.momentOf(last) : 0));
  }

  /* This room's; and those refused for a room that is no longer in the list, which would be seen nowhere. */
  function belongsHere(entry) {
    var isListed = false;
    Chat.each(Chat.byId('room-list').children, function (each) {
      isListed = isListed || each.getAttribute('data-room') === entry.room;
    });
    return entry.room === Chat.room || (entry.isFailed && !isListed);
  }

  /* In the order of the queue, whichever tab they were written in. */
  function show(entry, next) {
    if (shown[entry.clientId] || !belongsHere(entry)) { return; }
    var row = shown[entry.clientId] = make(entry);
    Chat.rows.list.insertBefore(row, next || null);
    Chat.separators.mend(row);
    if (next) { Chat.separators.mend(next); }
    Chat.log.showEmpty();
  }

  function showAll() {
    var all = Chat.outbox.all();
    var next = null;
    for (var i = all.length - 1; i >= 0; i -= 1) {
      show(all[i], next);
      showState(all[i]);
      next = shown[all[i].clientId] || next;
    }
  }

  /* The state of each */

  function showState(entry) {
    var row = shown[entry.clientId];
    if (!row) { return; }
    Chat.toggle(row, 'failed', entry.isFailed);
    Chat.toggle(row, 'pending', !entry.isFailed);
    showStatus(row, entry);
    showFailure(row, entry);
  }

  /* Replaced only where the reason differs: a screen reader reads it once, and a button keeps the focus. */
  function showFailure(row, entry) {
    var line = row.querySelector('.failure');
    if (line && entry.isFailed && line.chatReason === entry.reason) { return; }
    Chat.remove(line);
    if (entry.isFailed) { row.appendChild(failure(entry)).chatReason = entry.reason; }
  }

  function showStatus(row, entry) {
    var seconds = Chat.outbox.secondsLeft();
    var word = entry.isFailed ? 'failed' : Chat.outbox.isHeldUp() ? 'waiting' : 'sending';
    var text = seconds && !entry.isFailed ? Chat.plural('waiting-seconds', seconds) : Chat.word(word);
    Chat.setText(row.querySelector('.status'), text);
    if (seconds && !countdown) { countdown = Chat.later(countDown, 500); }
  }

  /* The server asked to wait: the rows show how long it still takes, without an announcement. */
  function countDown() {
    countdown = null;
    Chat.each(Chat.outbox.all(), function (entry) {
      if (shown[entry.clientId]) { showStatus(shown[entry.clientId], entry); }
    });
  }

  function failure(entry) {
    var line = Chat.make('p', 'failure');
    var isHere = entry.room === Chat.room;
    if (!isHere) { line.appendChild(Chat.make('bdi', '', '#' + entry.room + ' ')); }
    line.appendChild(document.createTextNode(entry.reason + ' '));
    line.setAttribute('role', 'alert');
    offer(line, 'retry', entry, Chat.outbox.retry);
    if (isHere && Chat.composer.canTake) { offer(line, 'edit', entry, takeBack); }  // else it would be posted to others
    offer(line, 'discard', entry, Chat.outbox.discard);
    return line;
  }

  function takeBack(clientId) {
    Chat.outbox.takeBack(clientId, Chat.composer.take);
  }

  /* The button disappears with what it does, so the focus goes to the composer. */
  function offer(line, name, entry, act) {
    line.appendChild(Chat.button('button ' + name, Chat.word(name), function () {
      act(entry.clientId);
      Chat.composer.focus();
    }));
  }

  function take(clientId) {
    var row = shown[clientId];
    if (row) { Chat.log.drop(row); }
    delete shown[clientId];
  }

  function update() {
    Chat.log.keepView(function () {
      for (var clientId in shown) {
        if (!Chat.outbox.find(clientId)) { take(clientId); }
      }
      showAll();
    });
  }

  /* The event may have settled it in the log already: then only the row here goes. */
  Chat.on('settled', function (entry, message) {
    Chat.log.keepView(function () {
      take(entry.clientId);
      if (message.room === Chat.room && Chat.log.isLatest()) { Chat.log.put(message); }
    });
  });

  Chat.on('outbox', update);

  Chat.on('written', function () {
    Chat.separators.setNew(0);
    Chat.log.jumpToEnd();
  });

  Chat.start(function () {
    Chat.log.keepView(showAll);
  });

}(window.Chat, document));
