/* Readers without a browser: the ladder's own files in one bare engine, on a clock that is turned by hand, before a
   host that can hold nobody. An argument says how it goes, as JSON; what was asked and heard is printed as JSON.

   readers, seconds  how many, for how long
   says, ends        when a message is written, and when somebody loses the right to read: seconds
   hurry             {look or poll: number}, the one while which its reader's line is told to hurry
   idleMs            between which times those are to ask who look at watermark files
   watermarks        what becomes of the watermark files: good, missing, page, stale, ahead, cut; there are none without */
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { Clock } from './turned_clock.mjs';

const [folder, given] = process.argv.slice(2);
const play = { readers: 1, seconds: 600, says: [], ends: [], hurry: {}, ...JSON.parse(given) };
const INTERVAL_MS = 4000;
const ON_THE_WAY_MS = 20;
const PARTS = [
  'core/base', 'core/elapsed', 'core/server_time', 'core/request', 'line/network_memory', 'core/backoff',
  'core/verdict', 'line/frames', 'line/attempt', 'line/event_source', 'line/xhr_stream', 'line/watermarks',
  'line/poll', 'line/ladder', 'line/ladder_streams', 'line/ladder_polls'];

const clock = new Clock();
const start = clock.now;
const turnTo = until => { while (clock.turn(until)) { /* on */ } };
const setTimer = (callback, delayMs) => clock.later(callback, delayMs);

/* The host: a log, and the file of its one room */

const log = [];
const asked = { polls: [], streams: 0, looks: 0 };
let epoch = 1;
const kept = new Map();  // what a cache holds of each file

function poll(query, reader) {
  const cursor = log.length ? log[log.length - 1] : 1;
  asked.polls.push([reader, clock.now]);
  if (asked.polls.length === play.hurry.poll) { lines[reader].hurry(); }
  const events = log.filter(id => id > query.get('since'))
    .map(id => ({ id, event: 'message', data: { id, room: 'lobby' } }));
  const [least, most] = play.idleMs;
  const idle_ms = Math.round(least + Math.random() * (most - least));
  const named = play.watermarks ? { head_urls: { lobby: `/heads/${epoch}.txt` }, idle_ms } : {};
  return [200, JSON.stringify({ cursor, events, more: false, interval_ms: INTERVAL_MS, presence: 'k7', ...named })];
}

function look(file, reader) {
  const newest = log.length ? log[log.length - 1] : 1;
  asked.looks += 1;
  if (asked.looks === play.hurry.look) { lines[reader].hurry(); }
  if (play.watermarks === 'cut') { return [0, '']; }
  if (play.watermarks === 'missing' || file !== `/heads/${epoch}.txt`) { return [404, '<!doctype html>']; }
  if (play.watermarks === 'page') { return [200, '<!doctype html><h1>Please pay</h1>']; }
  if (play.watermarks === 'ahead') { return [200, `${newest + 1000}\n`]; }
  if (play.watermarks === 'stale') {
    if (!kept.has(file)) { kept.set(file, newest); }
    return [200, `${kept.get(file)}\n`];
  }
  return [200, `${newest}\n`];
}

/* What the engine offers, to each reader their own, so that one knows who asks */

function engine(reader) {
  class XMLHttpRequest {
    readyState = 0;
    status = 0;
    responseText = '';
    open(method, address) { this.address = new URL(address, 'http://chat.test/'); }
    setRequestHeader() { }
    getResponseHeader() { return null; }
    abort() { clear(this.timer); }
    send() {
      this.timer = setTimer(() => {
        const { pathname, searchParams } = this.address;
        [this.status, this.responseText] = pathname === '/poll' ? poll(searchParams, reader)
          : look(pathname, reader);
        this.timer = setTimer(() => {
          this.readyState = 4;
          this.onreadystatechange();
        }, ON_THE_WAY_MS);
      }, ON_THE_WAY_MS);
    }
  }
  class EventSource {
    listeners = {};
    constructor() {
      asked.streams += 1;
      this.readyState = 1;
      setTimer(() => {
        this.tell('hello', { cursor: log.length ? log[log.length - 1] : 1, heartbeat_seconds: 15 });
        this.tell('mode', { transport: 'poll', interval_ms: INTERVAL_MS });
      }, ON_THE_WAY_MS);
    }
    addEventListener(name, callback) { this.listeners[name] = callback; }
    tell(name, data) { this.listeners[name]?.({ type: name, data: JSON.stringify(data), lastEventId: '' }); }
    close() { this.listeners = {}; }
  }
  const clear = timer => clock.clear(timer);
  class FakeDate extends Date { static now() { return clock.now; } }
  const context = vm.createContext({
    XMLHttpRequest, EventSource, Date: FakeDate, setTimeout: setTimer, clearTimeout: clear, clearInterval: clear,
    setInterval: () => 0, console: { error: problem => { throw problem; } } });
  for (const part of PARTS) {
    vm.runInContext(fs.readFileSync(path.join(folder, `${part}.js`), 'utf8'), context, { filename: part });
    if (part === 'core/base') { vm.runInContext('Chat.supported = true; Chat.url = null;', context); }
  }
  return context;
}

/* Everybody comes within an interval; then it goes as was said */

const heard = [];
const lines = [];
for (let reader = 0; reader < play.readers; reader += 1) {
  const mine = [];
  heard.push(mine);
  const { Chat } = engine(reader);
  const memory = new Map();
  const line = Chat.ladder({
    stream: 'http://chat.test/stream', poll: 'http://chat.test/poll', session: 'http://chat.test/session', me: '',
    rooms: ['lobby'], cursor: 1, isHidden: () => false,
    memory: { get: key => memory.get(key) ?? null, set: (key, value) => memory.set(key, value) }
  }, (what, name, event) => { if (what === 'event' && name === 'message') { mine.push([event.id, clock.now]); } });
  lines.push(line);
  setTimer(() => line.open(), (INTERVAL_MS * reader) / play.readers);
}
const deeds = [
  ...play.says.map(at => [at, () => log.push(log.length + 2)]),
  ...play.ends.map(at => [at, () => { epoch += 1; }])];
const wrote = [];
for (const [at, deed] of deeds.sort((one, other) => one[0] - other[0])) {
  turnTo(start + 1000 * at);
  deed();
  if (play.says.includes(at)) { wrote.push([log[log.length - 1], clock.now]); }
}
turnTo(start + 1000 * play.seconds);
const since = moments => moments.map(([what, at]) => [what, (at - start) / 1000]);
process.stdout.write(JSON.stringify(
  { ...asked, polls: since(asked.polls), wrote: since(wrote), heard: heard.map(since) }));
