// A reader by npm's `eventsource`: node listen.mjs URL COOKIES CURSOR. Prints each event as a line of JSON.

import { EventSource } from 'eventsource';

const [url, cookies, cursor] = process.argv.slice(2);
const NAMES = ['hello', 'message', 'edit', 'remove', 'join', 'leave', 'room', 'read', 'ping', 'reset', 'bye'];
const SILENCE_MS = 6000; // three heartbeats: nobody else finds a dead line

let lastId = cursor;
let heardAt = 0;
let source;

function open() {
  const address = new URL(url);
  if (lastId) { address.searchParams.set('last_event_id', lastId); }
  heardAt = Date.now();
  source = new EventSource(address, {
    fetch: (input, init) => {
      print({ event: 'opened' });
      return fetch(input, { ...init, headers: { ...init.headers, Cookie: cookies } });
    },
  });
  NAMES.forEach((name) => source.addEventListener(name, hear));
  source.addEventListener('error', fail);
}

function hear(event) {
  heardAt = Date.now();
  lastId = event.lastEventId || lastId;
  print({ event: event.type, id: event.lastEventId, data: event.data });
}

// A refusal ends an EventSource for good: then the page, here we, must open another.
function fail() {
  print({ event: 'lost' });
  heardAt = Date.now();
  if (source.readyState === EventSource.CLOSED) { setTimeout(open, 500 + 1000 * Math.random()); }
}

setInterval(() => {
  if (source.readyState === EventSource.OPEN && Date.now() - heardAt > SILENCE_MS) {
    source.close();
    fail();
  }
}, 500);

function print(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}

open();
