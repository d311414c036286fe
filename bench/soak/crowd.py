"""Everybody who reads in a thread of their own, in one process: polls, frames, and programs that are not ours."""

import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from bench.soak.diary import BEGIN_SECONDS, Diary, Seat, diary
from bench.soak.outsiders import OUTSIDERS
from bench.soak.polls import Frame, HeldPoll, Listener, Poll

WAYS: dict[str, Callable[[Diary, tuple[str, int]], Listener]] = {
    "held poll": HeldPoll, "short poll": Poll, "frame": Frame, **OUTSIDERS}


def listen(pipe: Connection, address: tuple[str, int], seats: Sequence[Seat], sabotage: str | None) -> list[Diary]:
    """Read for all these seats; says "listening" when everybody does, ends by ("until", cursor, patience_seconds)."""
    sabotaged = {seat.way: number for number, seat in reversed(list(enumerate(seats)))}.values() if sabotage else ()
    notes = [diary(seat, sabotage if number in sabotaged else None) for number, seat in enumerate(seats)]
    listeners = [WAYS[one.seat.way](one, address) for one in notes]
    for listener in listeners:
        listener.start()
    deadline = time.monotonic() + BEGIN_SECONDS
    while any(one.began is None for one in notes) and time.monotonic() < deadline:
        time.sleep(0.05)
    pipe.send("listening")
    _, cursor, patience_seconds = pipe.recv()
    for listener in listeners:
        listener.until = cursor
    deadline = time.monotonic() + patience_seconds
    # Not until the threads end: the server may hold their next poll for long.
    while any(listener.is_reading() for listener in listeners) and time.monotonic() < deadline:
        time.sleep(0.05)
    for listener in listeners:
        listener.ending.set()
        listener.stop()
    return notes
