/* A clock that is turned by hand, and the timers of whoever lives by it. */

export class Clock {
  now = 1_000_000;
  #serial = 0;
  #timers = new Map();

  /* What belongs to an owner that is frozen waits until it is not. */
  later(callback, delayMs = 0, owner = null) {
    this.#timers.set(++this.#serial, { at: this.now + Math.max(0, delayMs), callback, owner });
    return this.#serial;
  }

  clear(timer) {
    this.#timers.delete(timer);
  }

  /* Turn it to the next timer until then, and let it act; where there is none, turn it to then. */
  turn(until) {
    let next = null;
    for (const each of this.#timers) {
      if (!each[1].owner?.isFrozen && (!next || each[1].at < next[1].at)) { next = each; }
    }
    if (!next || next[1].at > until) {
      this.now = until;
      return false;
    }
    this.#timers.delete(next[0]);
    this.now = Math.max(this.now, next[1].at);
    next[1].callback();
    return true;
  }
}
