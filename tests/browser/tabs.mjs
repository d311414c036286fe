/* Tabs of one browser, without a browser: the scripts by which they share a line, each tab in a global of its own, with
   one localStorage, one set of Web Locks, and a clock that is turned by hand. Their line is a list of numbers. An
   argument says how it goes, as JSON; what came of it is printed as JSON.

   tabs, seconds, lacks  how many, for how long, and what this browser does not have: locks
   deeds                 [second, deed, tab]: say (the next number), freeze, thaw, hide, close; switch: somebody else signs
                         in where no tab sees it */
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as settled } from 'node:timers/promises';
import vm from 'node:vm';
import { Clock } from './turned_clock.mjs';

const [folder, given] = process.argv.slice(2);
const play = { tabs: 3, lacks: [], deeds: [], ...JSON.parse(given) };
const PARTS = [
  'core/elapsed', 'core/backoff', 'core/verdict', 'line/attempt', 'core/local_storage', 'core/lock',
  'sharing/carrier', 'sharing/listener', 'sharing/leader', 'sharing/sharing'];
const FACTS = { edition: '1' };
const ME = 3;
const SOMEBODY_ELSE = 4;

const clock = new Clock();
const start = clock.now;
const seconds = () => (clock.now - start) / 1000;
const tabs = [];
const said = [];
let whoIsSignedIn = ME;
let hasGate = false;  // which answers in the chat's place
const lines = [];  // [second, the tabs that have a line], whenever that changes

function noteLines() {
  lines.push([seconds(), tabs.filter(tab => tab.line).map(tab => tab.number)]);
}

/* What all tabs of a browser have in common. A word to a tab is a task of that tab. */

const stored = new Map();

function storage(tab) {
  function change(key, value) {
    const oldValue = stored.get(key) ?? null;
    if (value === null) { stored.delete(key); }
    else { stored.set(key, value); }
    for (const other of oldValue === value ? [] : tabs.filter(each => each !== tab)) {
      clock.later(() => other.tell('storage', { key, newValue: value }), 0, other);
    }
  }
  return {
    getItem: key => stored.get(key) ?? null,
    setItem: (key, value) => change(key, String(value)),
    removeItem: key => change(key, null)
  };
}

const requests = [];  // for locks, in their order: the first of its name is granted

function locks(tab) {
  function passOn(name) {
    const next = requests.find(each => each.name === name);
    if (!next || next.isGranted) { return; }
    next.isGranted = true;
    clock.later(async () => {
      await next.granted({ name });
      if (!requests.includes(next)) { return; }  // it was stolen meanwhile
      requests.splice(requests.indexOf(next), 1);
      passOn(name);
    }, 0, next.tab);
  }
  function request(name, { steal }, granted) {
    return new Promise((_, refuse) => {
      const robbed = steal && requests.find(each => each.name === name && each.isGranted);
      if (robbed) {
        requests.splice(requests.indexOf(robbed), 1);
        clock.later(() => robbed.refuse(new Error('stolen')), 0, robbed.tab);
      }
      requests[steal ? 'unshift' : 'push']({ name, tab, granted, refuse, isGranted: false });
      passOn(name);
    });
  }
  return { request };
}

/* Its line: whoever opens it hears what was said above its cursor, and from then on all that is said. */

function ladder(tab) {
  return (place, emit) => {
    let cursor = place.cursor;
    const line = {
      catchUp() {
        clock.later(() => {
          for (const id of said.filter(id => tab.line === line && id > cursor)) {
            cursor = id;
            emit('event', 'message', { id, data: { room: 'lobby' } });
          }
        }, 0, tab);
      },
      open() {
        tab.line = line;
        noteLines();
        clock.later(() => emit('state', 'live'), 0, tab);
        line.catchUp();
      },
      close() {
        tab.line = null;
        noteLines();
      },
      hurry() { }, widen() { }, cursor: () => cursor
    };
    return line;
  };
}

function request(tab) {
  return (address, fields, done) => {
    const session = hasGate ? { error: 'pay first' } : { user: { id: whoIsSignedIn }, cursor: 0 };
    const json = address === '/session' ? session : {
      events: said.filter(id => id > fields.since).map(id => ({ id, event: 'message', data: { room: 'lobby' } })),
      cursor: Math.max(fields.since, ...said), more: false, presence: 'k7'
    };
    const timer = clock.later(() => done({ isOk: true, status: 200, json }), 20, tab);
    return () => clock.clear(timer);
  };
}

/* A tab, with its page: at once on its line */

function open(number) {
  const listeners = { storage: [], pagehide: [], visibilitychange: [] };
  const tab = { number, isFrozen: false, isHidden: false, line: null, heard: [], state: '' };
  tab.tell = (name, event) => listeners[name].forEach(callback => callback(event));
  tabs.push(tab);
  const addEventListener = (name, callback) => listeners[name].push(callback);
  const every = (callback, periodMs) => {
    const timer = { };
    const again = () => {
      timer.next = clock.later(again, periodMs, tab);
      callback();
    };
    timer.next = clock.later(again, periodMs, tab);
    return timer;
  };
  const context = vm.createContext({
    Date: class extends Date { static now() { return clock.now; } },
    setTimeout: (callback, delayMs) => clock.later(callback, delayMs, tab), clearTimeout: timer => clock.clear(timer),
    setInterval: every, clearInterval: timer => timer && clock.clear(timer.next),
    console: { error: problem => { throw problem; } }, document: { addEventListener }, addEventListener,
    navigator: play.lacks.includes('locks') ? {} : { locks: locks(tab) }, localStorage: storage(tab)
  });
  const run = (name, script) => vm.runInContext(script, context, { filename: name });
  context.window = run('window', 'this');
  const load = part => run(part, fs.readFileSync(path.join(folder, `${part}.js`), 'utf8'));
  load('core/base');
  Object.assign(context.Chat, {
    supported: true, drawer: `longwave.${ME}.`, fact: name => FACTS[name] ?? '', isVisible: () => !tab.isHidden,
    ladder: ladder(tab), request: { get: request(tab) }
  });
  PARTS.forEach(load);
  const place = {
    stream: '/stream', poll: '/poll', session: '/session', me: String(ME), rooms: [], cursor: 0,
    memory: { get: () => null, set() { } }, isHidden: () => tab.isHidden
  };
  const line = context.Chat.sharing(place, (what, name, event) => {
    if (what === 'state') { tab.state = name; }
    if (what === 'event' && name === 'message') { tab.heard.push([event.id, seconds()]); }
  });
  tab.leave = line.close;
  line.open();
}

const DEEDS = {
  open: number => open(number),
  say() {
    said.push(said.length + 1);
    tabs.forEach(tab => tab.line?.catchUp());
  },
  freeze: number => { tabs[number].isFrozen = true; },
  thaw: number => { tabs[number].isFrozen = false; },
  hide(number) {
    tabs[number].isHidden = true;
    tabs[number].tell('visibilitychange');
  },
  close(number) {
    tabs[number].leave();
    tabs[number].tell('pagehide');
    tabs[number].isFrozen = true;  // for ever
  },
  switch() { whoIsSignedIn = SOMEBODY_ELSE; },
  gate() { hasGate = true; }
};

async function turnTo(second) {
  while (clock.turn(start + 1000 * second)) { await settled(); }
}

const openings = Array.from({ length: play.tabs }, (_, number) => [number, 'open', number]);
for (const [second, deed, number] of [...openings, ...play.deeds]) {
  await turnTo(second);
  DEEDS[deed](number);
  await settled();
}
await turnTo(play.seconds);
process.stdout.write(JSON.stringify({ lines, heard: tabs.map(tab => tab.heard), states: tabs.map(tab => tab.state) }));
