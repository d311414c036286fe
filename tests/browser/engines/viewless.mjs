// Many pages without a view: of a room's page the scripts that hear, send and mark as read, each page in a world of
// its own, on a document of facts alone. Nothing is drawn, so that forty of them cost hardly more than one.
// node viewless.mjs FOLDER PART...: the scripts by their paths in the folder, in the order in which the page has them.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import vm from 'node:vm';
import { obey, say } from './orders.mjs';

const [folder, ...names] = process.argv.slice(2);
const scripts = names.map((name) => [name, compiled(name)]);
const pages = [];
let notes = []; // {page, at, what, ...} since they were last fetched

function compiled(name) {
  return new vm.Script(readFileSync(`${folder}/${name}.js`, 'utf8'), { filename: `${name}.js` });
}

function requests(base, cookies, note) {
  return class XMLHttpRequest {
    readyState = 0;
    status = 0;
    responseText = '';
    timeout = 0;
    onreadystatechange = null;
    onprogress = null;
    #headers = {};
    #answer = null;
    #isOver = false;

    open(method, url) {
      this.method = method;
      this.url = new URL(url, base);
      this.readyState = 1;
    }

    setRequestHeader(name, value) { this.#headers[name] = value; }

    getResponseHeader(name) { return this.#answer ? this.#answer.headers[name.toLowerCase()] ?? null : null; }

    send(body) {
      const headers = { ...this.#headers, 'User-Agent': 'Mozilla/5.0', 'Sec-Fetch-Site': 'same-origin' };
      headers.Cookie = Object.entries(cookies).map((pair) => pair.join('=')).join('; ');
      if (this.method === 'POST') {
        headers.Origin = this.url.origin;
        headers['Content-Length'] = Buffer.byteLength(body || '');
      }
      this.request = http.request(this.url, { method: this.method, headers });
      this.request.on('response', (answer) => this.#take(answer));
      this.request.on('error', (error) => this.#end(String(error)));
      if (this.timeout) { this.timer = setTimeout(() => this.request.destroy(new Error('timeout')), this.timeout); }
      this.request.end(body || undefined);
    }

    abort() {
      this.#isOver = true;
      clearTimeout(this.timer);
      this.request?.destroy();
    }

    #take(answer) {
      this.#answer = answer;
      this.status = answer.statusCode;
      for (const cookie of answer.headers['set-cookie'] || []) {
        const [name, value] = cookie.split(';')[0].split(/=(.*)/);
        cookies[name] = value;
      }
      answer.setEncoding('utf8');
      answer.on('data', (piece) => {
        this.responseText += piece;
        this.#change(3);
      });
      answer.on('end', () => this.#end());
      answer.on('error', (error) => this.#end(String(error)));
    }

    #end(error = '') {
      if (this.#isOver) { return; }
      this.#isOver = true;
      clearTimeout(this.timer);
      if (error) { this.status = 0; }
      if (this.status < 200 || this.status > 299) {
        note({ what: 'failed', request: `${this.method} ${this.url.pathname}`, status: this.status, error });
      }
      this.#change(4);
    }

    #change(readyState) {
      this.readyState = readyState;
      if (this.onreadystatechange) { this.onreadystatechange(); }
    }
  };
}

function documentOf(url, facts, token) {
  const element = (attributes) => ({
    getAttribute: (name) => attributes[name] ?? null,
    setAttribute: (name, value) => { attributes[name] = value; },
  });
  const elements = { chat: element(facts), words: element({}) };
  const meta = element({ content: token });
  return {
    documentElement: { className: '', lang: 'en' },
    readyState: 'complete',
    visibilityState: 'visible',
    getElementById: (id) => elements[id] || null,
    querySelector: () => meta,
    querySelectorAll: () => [],
    createElement: () => ({
      set href(address) { this.address = new URL(address, url).href; },
      get href() { return this.address; },
    }),
    addEventListener() {},
  };
}

// What the view would be to the other scripts: a log that is always in sight.
function withoutView(Chat) {
  let last = null;
  Chat.rows = { last: () => last, idOf: (id) => id };
  Chat.log = { isSeen: () => true };
  Chat.rooms = { setUnread() {} };
  Chat.on('message', (message) => {
    last = message.id;
    Chat.emit('news', message, null);
  });
}

function noting(ladder, note) {
  return (place, hear) => ladder(place, (what, first, second) => {
    if (what === 'event') { note({ what, name: first, id: second.id, data: second.data }); }
    if (what === 'state') { note({ what, name: first, detail: second ?? null }); }
    hear(what, first, second);
  });
}

await obey({
  open({ url, facts, token, cookies }) {
    const page = pages.length;
    const note = (what) => notes.push({ page, at: Date.now(), ...what });
    const complain = (...words) => say({ complaint: words.map(String).join(' '), context: 'viewless' });
    const world = vm.createContext({
      XMLHttpRequest: requests(url, { ...cookies }, note), document: documentOf(url, facts, token), navigator: {},
      console: { error: complain }, setTimeout, clearTimeout, setInterval, clearInterval, addEventListener() {},
    });
    world.window = world;
    for (const [name, script] of scripts) {
      if (name === 'page/connection') { world.Chat.ladder = noting(world.Chat.ladder, note); }
      if (name === 'page/start') { withoutView(world.Chat); }
      script.runInContext(world);
    }
    world.Chat.on('settled', (entry, message) => note({ what: 'settled', body: entry.body, id: message.id }));
    pages.push(world);
    return page;
  },
  say({ page, text }) {
    notes.push({ page, at: Date.now(), what: 'said', body: text });
    pages[page].Chat.outbox.add(text);
  },
  // So much time has passed in this page, which has slept meanwhile.
  skip({ page, seconds }) {
    const clock = vm.runInContext('Date', pages[page]);
    const { now } = clock;
    clock.now = () => now() + 1000 * seconds;
  },
  close({ page }) { pages[page].Chat.connection.close(); },
  take() {
    const taken = notes;
    notes = [];
    return taken;
  },
});
process.exit();
