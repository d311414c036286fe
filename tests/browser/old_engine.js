/* The least of a browser that the page's scripts can begin in: elements that remember what is set, a clock that goes on
   when it is told to, and a network that never answers. Written in ES5 for engines that know no more. */
var window = this;
var self = this;
var complaints = [];

function element(name) {
  var attributes = {};
  var node = {
    nodeType: 1, nodeName: name.toUpperCase(), tagName: name.toUpperCase(), className: '', textContent: '', value: '',
    innerHTML: '', style: {}, rows: 1, scrollTop: 0, scrollHeight: 0, clientHeight: 0, offsetWidth: 0, hash: '',
    childNodes: [], children: [], firstChild: null, lastChild: null, parentNode: null,
    previousSibling: null, nextSibling: null, firstElementChild: null,
    getAttribute: function (key) { return key in attributes ? attributes[key] : null; },
    setAttribute: function (key, value) { attributes[key] = String(value); },
    removeAttribute: function (key) { delete attributes[key]; },
    hasAttribute: function (key) { return key in attributes; },
    appendChild: function (child) {
      child.parentNode = node;
      node.childNodes.push(child);
      node.firstChild = node.childNodes[0];
      node.lastChild = child;
      return child;
    },
    insertBefore: function (child) { return node.appendChild(child); },
    removeChild: function (child) { return child; },
    replaceChild: function (child) { return node.appendChild(child); },
    contains: function () { return false; },
    querySelector: function (selector) { return document.querySelector(selector); },
    querySelectorAll: function () { return []; },
    getElementsByTagName: function (tag) { return [element(tag)]; },
    getBoundingClientRect: function () { return { top: 0, bottom: 0, left: 0, right: 0, width: 0, height: 0 }; },
    addEventListener: function () {}, removeEventListener: function () {}, focus: function () {}, click: function () {}
  };
  return node;
}

var byId = {};
var document = {
  nodeType: 9, title: '', readyState: 'complete', visibilityState: 'visible', documentElement: element('html'),
  body: element('body'), head: element('head'),
  createElement: element,
  createTextNode: function (text) { var node = element('#text'); node.textContent = text; return node; },
  getElementById: function (id) {
    if (!byId[id]) {
      byId[id] = element('div');
      byId[id].id = id;
      byId[id].appendChild(element('span'));
      document.body.appendChild(byId[id]);
    }
    return byId[id];
  },
  querySelector: function () { return element('div'); },
  querySelectorAll: function () { return []; },
  getElementsByTagName: function (tag) { return [element(tag)]; },
  addEventListener: function () {}, removeEventListener: function () {}
};
var location = { href: 'http://chat.example/rooms/lobby', protocol: 'http:', host: 'chat.example', hash: '',
  pathname: '/rooms/lobby', search: '', replace: function () {}, reload: function () {} };
document.location = location;
var navigator = { userAgent: 'old', onLine: true };
var console = { error: function (problem) { complaints.push(String(problem)); }, log: function () {} };

function XMLHttpRequest() {
  sent += 1;
  this.open = this.send = this.abort = this.setRequestHeader = function () {};
  this.getResponseHeader = function () { return null; };
}
var sent = 0;

var timers = [];
function setTimeout(callback) { return timers.push(callback); }
function letTimePass() {
  var due = timers;
  timers = [];
  due.forEach(function (callback) { callback(); });
}
function clearTimeout() {}
function setInterval() { return 1; }
function clearInterval() {}
function addEventListener() {}
function removeEventListener() {}
function scrollTo() {}
function getComputedStyle(node) { return node.style; }

(function (facts) {
  for (var name in facts) { document.getElementById('chat').setAttribute('data-' + name, facts[name]); }
}({
  'room': 'lobby', 'cursor': '7', 'read-id': '0', 'is-latest': '1', 'more': '', 'max-body': '4000', 'me': '3',
  'me-name': 'carol', 'me-colour': '1', 'me-initial': 'C', 'url-home': '/', 'url-room': '/rooms/SLUG',
  'url-message': '/messages/0', 'url-stream': '/stream', 'url-poll': '/poll', 'url-session': '/session',
  'url-messages': '/rooms/SLUG/messages', 'url-sign-in': '/sign-in', 'url-refresh': '/rooms/lobby/refresh?since=7'
}));
