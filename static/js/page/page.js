/* What every other script of a page needs: facts, words, events, small helpers.

   All scripts are ES3 in syntax, so that no browser fails at a token; what they need of ES5 is
   tested below. A browser that fails the test keeps the page as it is without script. */
(function (root, document) {
  'use strict';

  var Chat = root.Chat;
  var page = document.getElementById && document.getElementById('chat');
  var words = page && document.getElementById('words');

  /* Opera Mini runs scripts for a moment, on its vendor's server, and shows an image of the page. */
  var isPicture = Object.prototype.toString.call(root.operamini) === '[object OperaMini]';
  /* Internet Explorer 9 passes every other test. Nobody tests with it any more, so it gets the plain page. */
  var isOldExplorer = document.documentMode < 10;

  Chat.supported = Boolean(page && words && root.JSON && root.XMLHttpRequest && document.querySelector &&
    document.addEventListener && Array.prototype.forEach && Date.now && !isOldExplorer && !isPicture);

  /* What <noscript> holds: the live frame, where frames can be live, and the link that reloads the page. */

  function showPlain() {
    var place = page && document.getElementById('plain-live');
    if (!place) { return; }
    if (!isPicture) { place.appendChild(plainFrame()); }
    var text = place.getAttribute('data-words');
    var link = document.createElement('a');
    link.href = place.getAttribute('data-url-anew');
    link.appendChild(document.createTextNode(text));
    place.appendChild(link);
    place.className = 'live-frame';
    place.removeAttribute('hidden');
  }

  function plainFrame() {
    var frame = document.createElement('iframe');
    frame.src = page.getAttribute('data-url-refresh');
    return frame;
  }

  if (!Chat.supported) {
    showPlain();
    return;
  }
  document.documentElement.className += ' scripted';

  /* Facts and addresses are attributes of the page's frame, words of the element beside it: no script is generated. */

  Chat.fact = function (name) {
    return page.getAttribute('data-' + name) || '';
  };

  Chat.me = Chat.fact('me') ? {
    id: Chat.fact('me'), name: Chat.fact('me-name'),
    colour: Chat.fact('me-colour'), initial: Chat.fact('me-initial')
  } : null;

  Chat.isMe = function (user) {
    return Boolean(Chat.me) && String(user.id) === Chat.me.id;
  };

  Chat.room = Chat.fact('room');

  /* An address with its place filled: SLUG by a room's slug, the last 0 by a message's id. */
  Chat.url = function (name, place) {
    var pattern = Chat.fact('url-' + name);
    if (typeof place === 'number') {
      return pattern.replace(/([\/=])0(\/[a-z]+)?$/, '$1' + place + '$2');
    }
    return place ? pattern.replace('SLUG', encodeURIComponent(Chat.wellFormed(place))) : pattern;
  };

  Chat.word = function (name, values) {
    var text = words.getAttribute('data-word-' + name) || '';
    return text.replace(/\{(\w+)\}/g, function (whole, key) {
      return values && key in values ? Chat.isolated(values[key]) : whole;
    });
  };

  /* Text that runs from right to left would reorder the sentence around it: isolate it where no markup can. */
  var TURNING = /[\u0590-\u08FF\u200F\u202A-\u202E\uFB1D-\uFDFF\uFE70-\uFEFC\uD802\uD803\uD83A\uD83B]/;

  Chat.isolated = function (text) {
    return TURNING.test(text) ? '\u2068' + text + '\u2069' : text;
  };

  /* A plural has its forms for 1, 2 and 5; the browser knows which of them a number takes. */
  var FORMS = { one: 0, two: 1, few: 1, many: 2, other: 2, zero: 2 };
  var rules = null;
  try {
    rules = new root.Intl.PluralRules(document.documentElement.lang || 'en');
  } catch (absent) { }

  Chat.plural = function (name, count) {
    var category = rules ? rules.select(count) : (count === 1 ? 'one' : 'other');
    var form = Chat.word(name, { count: count }).split('|');
    return form[FORMS[category]] || form[0];
  };

  /* What happens, by name: the contract's events, and the page's own. */

  var listeners = {};

  Chat.on = function (name, callback) {
    (listeners[name] = listeners[name] || []).push(Chat.guard(callback));
  };

  Chat.emit = function (name, first, second) {
    Chat.each(listeners[name] || [], function (callback) { callback(first, second); });
  };

  /* Each script adds its starter; start.js runs them in the order in which they were loaded. */

  Chat.starters = [];

  Chat.start = function (begin) {
    Chat.starters.push(Chat.guard(begin));
  };

  /* Small helpers */

  Chat.byId = function (id) {
    return document.getElementById(id);
  };

  Chat.make = function (tag, className, text) {
    var node = document.createElement(tag);
    if (className) { node.className = className; }
    if (text) { node.textContent = text; }
    return node;
  };

  /* Only where the text differs: a selection or a screen reader in it is left alone. */
  Chat.setText = function (node, text) {
    if (node.textContent !== String(text)) { node.textContent = text; }
  };

  Chat.button = function (className, text, onClick) {
    var node = Chat.make('button', className, text);
    node.type = 'button';
    Chat.listen(node, 'click', onClick);
    return node;
  };

  /* One of the page's icons. It is hidden from screen readers: words are beside it, or in a label. */
  var SVG = 'http://www.w3.org/2000/svg';
  var ICON = { 'class': 'icon', width: 20, height: 20, 'aria-hidden': 'true', focusable: 'false' };

  Chat.icon = function (name) {
    if (!document.createElementNS) { return document.createTextNode(''); }
    var icon = document.createElementNS(SVG, 'svg');
    for (var key in ICON) { icon.setAttribute(key, ICON[key]); }
    var use = icon.appendChild(document.createElementNS(SVG, 'use'));
    use.setAttributeNS('http://www.w3.org/1999/xlink', 'xlink:href', '#icon-' + name);
    return icon;
  };

  Chat.remove = function (node) {
    if (node && node.parentNode) { node.parentNode.removeChild(node); }
  };

  Chat.has = function (node, name) {
    return (' ' + node.className + ' ').indexOf(' ' + name + ' ') >= 0;
  };

  Chat.toggle = function (node, name, isOn) {
    if (Chat.has(node, name) === Boolean(isOn)) { return; }
    node.className = isOn ? (node.className + ' ' + name).replace(/^ /, '')
      : (' ' + node.className + ' ').replace(' ' + name + ' ', ' ').replace(/^ | $/g, '');
  };

  /* Old browsers have names of their own for some keys. */
  var KEYS = { Esc: 'Escape', Up: 'ArrowUp', Down: 'ArrowDown' };

  Chat.keyOf = function (press) {
    return KEYS[press.key] || press.key || '';
  };

  /* With a modifier key the browser does something of its own: a link opens in another tab. */
  Chat.isModified = function (event) {
    return event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  };

  Chat.isVisible = function () {
    return document.visibilityState !== 'hidden';
  };

  /* What must survive a reload of this tab; where the browser forbids it, only that is lost. The drawer belongs to this
     chat and this person: whoever signs in next in this browser has another. */

  var drawer = Chat.drawer = 'longwave.' + Chat.url('home') + '.' + (Chat.me ? Chat.me.id : 'visitor') + '.';

  Chat.keep = function (key, value) {
    try {
      if (value === null) { root.sessionStorage.removeItem(drawer + key); }
      else { root.sessionStorage.setItem(drawer + key, JSON.stringify(value)); }
    } catch (forbidden) { }
  };

  Chat.kept = function (key) {
    try {
      return JSON.parse(root.sessionStorage.getItem(drawer + key));
    } catch (forbidden) {
      return null;
    }
  };

}(window, document));
