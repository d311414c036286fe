/* The last step: where only whole pages get through, the page itself is reloaded.

   The page is fetched beside the ladder's own tries. When this room's page comes, and is newer, it is loaded: by itself
   where nobody is writing or reading far up, else by the link beside the notice. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var FIRST_MS = 1000;
  var LOOK_MS = 30000;
  var timer = null;

  /* The cursor of the room that this text shows, if it is a page of the chat; else 0. */
  function cursorOf(text) {
    var found = /<div[^>]* id="chat"[^>]*\sdata-cursor="(\d+)"/.exec(text);
    return found ? Number(found[1]) : 0;
  }

  function look() {
    var request = new root.XMLHttpRequest();
    timer = Chat.later(look, LOOK_MS);
    request.open('GET', Chat.request.uncached(Chat.url('room', Chat.room)), true);
    request.setRequestHeader('X-Purpose', 'preview');  // this request joins no room
    request.onreadystatechange = Chat.guard(function () {
      if (request.readyState !== 4 || !timer) { return; }
      var isNews = request.status === 200 && cursorOf(request.responseText) > Chat.connection.cursor();
      if (isNews && isIdle()) { root.location.reload(); }
    });
    request.send(null);
  }

  function isIdle() {
    var field = Chat.byId('body');
    var isWriting = (field && field.value) || root.document.querySelector('.edit-form');
    return !isWriting && !Chat.outbox.waiting() && Chat.log.isAtEnd();
  }

  Chat.on('state', function (name) {
    if (name === 'refresh') {
      timer = timer || Chat.later(look, FIRST_MS);
    } else if (name !== 'connecting') {
      root.clearTimeout(timer);
      timer = null;
    }
  });

}(this.Chat, this));
