/* An empty room's link, to bring others here: a button that copies it. Where copying is forbidden, and without
   script, it is there to be copied by hand. */
(function (Chat, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var place = Chat.byId('invite');

  function offer(link) {
    var label = Chat.make('span', '', Chat.word('invite'));
    var button = Chat.button('button', '', function () {
      Chat.copy.text(link.href, function (isCopied) {
        label.textContent = Chat.word(isCopied ? 'copied' : 'not-copied');
        Chat.announce(label.textContent);
        if (!isCopied) { place.appendChild(link); }
      });
    });
    button.appendChild(Chat.icon('link'));
    button.appendChild(document.createTextNode(' '));
    button.appendChild(label);
    place.replaceChild(button, link);
  }

  Chat.start(function () {
    if (place) { offer(place.getElementsByTagName('a')[0]); }
  });

}(window.Chat, document));
