/* The program was updated while this page was open: the page goes on, and suggests a reload. The person decides when;
   the draft is kept.

   The server sends its version when a stream begins; where there are no streams, a newer tab stores it. */
(function (Chat, root) {
  'use strict';
  if (!Chat.supported) { return; }

  var KEY = 'longwave.' + Chat.url('home') + '.version';
  var version = Chat.fact('version');

  function compare(other) {
    if (!other || other === version || Chat.byId('renewed')) { return; }
    var line = Chat.make('p', 'notice renewed', Chat.word('renewed'));
    line.id = 'renewed';
    line.setAttribute('role', 'status');
    line.appendChild(Chat.button('button', Chat.word('reload'), function () { root.location.reload(); }));
    var typing = Chat.byId('typing');
    Chat.log.keepView(function () { typing.parentNode.insertBefore(line, typing); });
  }

  Chat.on('hello', function (hello) { compare(hello.version); });

  Chat.localStorage.watch(function (key, other) {
    if (key === KEY) { compare(other); }
  });

  Chat.start(function () {
    Chat.localStorage.write(KEY, version);
    Chat.listen(root, 'pageshow', function (shown) {
      if (shown.persisted) { compare(Chat.localStorage.read(KEY)); }
    });
  });

}(window.Chat, window));
