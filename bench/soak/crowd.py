"""Everybody who reads in a thread of their own, in one process: polls, frames, and programs that are not ours."""

from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from bench.soak.diary import Diary, Seat, diary
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
    while any(one.began is None for one in notes) and not pipe.poll(0.1):
        pass
    pipe.send("listening")
    _, cursor, patience_seconds = pipe.recv()
    for listener in listeners:
        listener.until = cursor
    for listener in listeners:
        listener.join(patience_seconds)
    for listener in listeners:
        listener.ending.set()
        listener.stop()
    return notes
