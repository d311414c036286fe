"""Visitors who read a room while others write in it, each by what the host gives them: a stream, or polls."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chat.server.capacity import ONE_AT_A_TIME, RUN_ONCE
from tests.hosts.kinds import Host
from tests.support.clients import Person

LAST = "the last one"
PAUSE_SECONDS = 0.2
AT_A_TIME = 3
JOIN_SECONDS = 60
TOLD = ("message", "mode", "bye", "ping")


class Reader:
    """`bodies` is all that it was told, `heard_at` when it was told each; `way` how it was told the last of it."""

    def __init__(self, host: Host, cursor: int) -> None:
        self.bodies: list[str] = []
        self.heard_at: dict[str, float] = {}
        self.way = "stream" if host.streams else "poll"
        self.error: BaseException | None = None
        self._person = Person(host)
        self._cursor = cursor
        self._interval_seconds = (RUN_ONCE if host.is_run_once else ONE_AT_A_TIME).poll_interval_ms / 1000
        self._is_over = threading.Event()
        self._has_left = False
        self._thread = threading.Thread(target=self._run, name="reader")
        self._thread.start()

    def hurry(self) -> None:
        """Look for the last message now, without waiting for the interval to end."""
        self._is_over.set()

    def join(self) -> None:
        """Wait until it has heard the last message, or has left."""
        self._thread.join(JOIN_SECONDS)

    def leave(self) -> None:
        """Hear no more, whatever is still to come."""
        self._has_left = True
        self.hurry()

    def _run(self) -> None:
        try:
            if self.way == "stream":
                self._listen()
            if self.way == "poll":
                self._poll()
        except BaseException as error:
            self.error = error
        finally:
            self._person.close()

    @property
    def _is_done(self) -> bool:
        return self._has_left or LAST in self.bodies

    def _hear(self, body: str) -> None:
        self.bodies.append(body)
        self.heard_at.setdefault(body, time.monotonic())

    def _listen(self) -> None:
        """Read streams, one after another where they end by themselves, as far as the last message or to `mode`."""
        while self.way == "stream" and not self._is_done:
            stream = self._person.listen(f"room=lobby&since={self._cursor}")
            event = stream.expect(TOLD)
            while event.name in ("message", "ping") and not self._is_done:
                if event.name == "message":
                    self._hear(event.data["body"])
                if not self._is_done:
                    event = stream.expect(TOLD)
            if event.name == "mode":
                self.way = "poll"
            self._cursor = stream.last_id
            stream.close()

    def _poll(self) -> None:
        # As they are after a while: each at another moment of its interval.
        self._is_over.wait(random.uniform(0, self._interval_seconds))
        while not self._is_done:
            # On a connection of its own: a host closes one that is kept after some seconds.
            asked = self._person.ask(f"/poll?room=lobby&since={self._cursor}")
            answer = asked.answer().json
            asked.close()
            self._cursor = answer["cursor"]
            for event in answer["events"]:
                if event["event"] == "message":
                    self._hear(event["data"]["body"])
            if self._is_over.is_set():
                time.sleep(PAUSE_SECONDS)
            else:
                self._is_over.wait(random.uniform(0.8, 1.2) * answer["interval_ms"] / 1000)


@contextmanager
def reading(host: Host, count: int, cursor: int) -> Iterator[list[Reader]]:
    """So many readers, spread over the host's ports, until each has heard the last message."""
    ports = (host.port, *host.others)
    readers = [Reader(host.at(ports[number % len(ports)]), cursor) for number in range(count)]
    try:
        yield readers
        for number, reader in enumerate(readers):
            # Some at a time look for the last message, not all at once, which no interval would do to a host.
            for soon in readers[number : number + AT_A_TIME]:
                soon.hurry()
            reader.join()
    finally:
        for reader in readers:
            reader.leave()
        for reader in readers:
            reader.join()
