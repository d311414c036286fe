"""Writers in every way: script, bot, plain form, inbox, command; those who edit and remove; those who come and go.

A thread each. Whoever has a client id repeats a message until it is acknowledged, however often that takes; whoever
has none sends it once and takes what comes.
"""

import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from bench import machine
from bench.guests import Guest
from bench.soak.asking import Answer, Caller, Unreadable
from bench.soak.journal import Change, Journal, Written
from bench.soak.server import LONGWAVE
from bench.soak.words import REMOVED, body

AGAIN_SECONDS = (0.1, 0.8)  # after a failure; what Retry-After asks for is the least
EDIT_SHARE, REMOVE_SHARE = 0.06, 0.03
COMMAND_SECONDS = 8.0
LAST_SECONDS = 60.0  # after the end a message is tried so long
FLOOD_SECONDS = 0.005  # between two messages of one writer in a flood


class Pen(NamedTuple):
    """Who writes, by which way, where, and how many seconds apart on average."""

    way: str
    name: str
    rooms: tuple[str, ...]
    pause_seconds: float
    guest: Guest | None = None
    key: str | None = None


class Desk(NamedTuple):
    """What all writers of a run share: the way in, the server's database and environment, when to end and to hurry."""

    address: tuple[str, int]
    database: Path
    environ: Mapping[str, str]
    ending: threading.Event
    flood: threading.Event


class Writer(threading.Thread):
    """Writes, pauses, writes. A subclass says how one message is sent."""

    has_key = True

    def __init__(self, pen: Pen, desk: Desk) -> None:
        super().__init__(name=pen.name, daemon=True)
        self.pen = pen
        self.desk = desk
        self.journal = Journal()
        self.dice = random.Random(pen.name)
        self._count = 0

    def run(self) -> None:
        try:
            while not self._rest():
                self.turn()
        except Exception as error:
            self.journal.complaints.append(f"{self.pen.name} failed: {error!r}")

    def _rest(self) -> bool:
        """Pause; true when it is time to end."""
        pause = self.dice.expovariate(1 / self.pen.pause_seconds)
        until = time.monotonic() + pause
        while time.monotonic() < until:
            if self.desk.ending.wait(min(0.25, pause)):
                return True
            if self.desk.flood.is_set() and self.pen.way == "script":
                return self.desk.ending.wait(FLOOD_SECONDS)
        return self.desk.ending.is_set()

    def turn(self) -> None:
        self._count += 1
        token = f"{self.pen.name.replace(' ', '')}-{self._count}"
        written = Written(token, self.pen.way, self.pen.name, self.dice.choice(self.pen.rooms), self.has_key)
        self.journal.written.append(written)
        self._send_until_answered(written)

    def _send_until_answered(self, written: Written) -> None:
        began = time.monotonic()
        while True:
            written.attempts += 1
            again_seconds = self._send_once(written)
            if written.is_acknowledged:
                self.journal.delays.append(time.monotonic() - began)
                return
            if not self.has_key or self._is_too_late(began):
                return
            time.sleep(max(again_seconds, self.dice.uniform(*AGAIN_SECONDS)))

    def _is_too_late(self, began: float) -> bool:
        return self.desk.ending.is_set() and time.monotonic() - began > LAST_SECONDS

    def _send_once(self, written: Written) -> float:
        """Try to have it acknowledged; returns the least time to wait before the next attempt."""
        try:
            return self.send(written)
        except Unreadable as error:
            self.journal.complaints.append(f"{self.pen.way}: {error}")
            return 0.0
        except (OSError, sqlite3.Error):
            return 0.0

    def send(self, written: Written) -> float:
        raise NotImplementedError


class Script(Writer):
    """As the page's script writes: a client id, JSON answers; now and then it edits or removes what it wrote."""

    def __init__(self, pen: Pen, desk: Desk) -> None:
        super().__init__(pen, desk)
        self.caller = Caller(desk.address, pen.guest, pen.key)

    def send(self, written: Written) -> float:
        answer = self.caller.post(f"/rooms/{written.room}/messages", body=body(written.token), client_id=written.token)
        if answer.status in (200, 201):
            written.ids.append(answer.json["id"])
            return 0.0
        return self._refused(answer)

    def _refused(self, answer: Answer) -> float:
        if answer.status not in (429, 502, 503, 504):
            self.journal.complaints.append(f"{self.pen.way}: {answer.status} {answer.body[:120]!r}")
        return float(answer.headers.get("Retry-After", 0))

    def turn(self) -> None:
        super().turn()
        last = self.journal.written[-1]
        throw = self.dice.random()
        if last.ids and throw < EDIT_SHARE + REMOVE_SHARE:
            self._change(last, "edit" if throw < EDIT_SHARE else "remove")

    def _change(self, written: Written, act: str) -> None:
        id = written.ids[0]
        fields = {"body": body(written.token, 1)} if act == "edit" else {}
        began = time.monotonic()
        while not self._is_too_late(began):
            try:
                answer = self.caller.post(f"/messages/{id}/{act}", **fields)
            except OSError:
                answer = None
            # A removal that was done, though its answer was lost, is "not found" the second time.
            if answer is not None and (answer.status == 200 or (answer.status == 404 and act == "remove")):
                version = 1 if act == "edit" else REMOVED
                self.journal.changes.append(Change(id, version, time.monotonic()))
                return
            time.sleep(max(self._refused(answer) if answer else 0.0, self.dice.uniform(*AGAIN_SECONDS)))


class Form(Script):
    """A page without script: no client id, so it is sent once, and nobody knows what an answer that was lost said."""

    has_key = False

    def turn(self) -> None:
        Writer.turn(self)  # what it wrote is found by its text, so the text stays

    def send(self, written: Written) -> float:
        self.caller.accept = "text/html"
        answer = self.caller.post(f"/rooms/{written.room}/messages", body=body(written.token))
        if answer.status == 303:
            written.ids.append(int(answer.headers["Location"].rpartition("#m")[2]))
        elif answer.status in (400, 503):
            written.was_refused = True
            if answer.status == 400:  # the token was too old, and the page comes back with a new one
                self.caller.renew()
        else:
            self.journal.complaints.append(f"form: {answer.status}")
        return 0.0


class Inbox(Writer):
    """Another program: a row in the table `inbox`, in a transaction of its own. Committed is acknowledged."""

    def send(self, written: Written) -> float:
        row = (written.room, self.pen.name, body(written.token), written.token)
        with closing(sqlite3.connect(self.desk.database, timeout=1)) as database, database:
            database.execute("INSERT INTO inbox(room, author, body, client_id) VALUES (?, ?, ?, ?)", row)
        written.was_acknowledged = True
        return 0.0


class Command(Writer):
    """`longwave post`, which knows no client id: exit status 0 is the acknowledgement."""

    has_key = False

    def send(self, written: Written) -> float:
        command = [*LONGWAVE, "post", written.room, body(written.token), "--as", self.pen.name]
        done = subprocess.run(command, cwd=machine.TOP, env=dict(self.desk.environ), capture_output=True, text=True)
        if done.returncode == 0:
            written.ids.append(int(done.stdout.split()[-1]))
        else:
            written.was_refused = "cannot save" in done.stderr
        return 0.0


class Wanderer(Script):
    """Joins and leaves a room; its streams hear what was said between."""

    def turn(self) -> None:
        self._count += 1
        verb = "join" if self._count % 2 else "leave"
        began = time.monotonic()
        while not self._is_too_late(began):
            try:
                answer = self.caller.post(f"/rooms/{self.pen.rooms[0]}/{verb}")
            except OSError:
                answer = None
            if answer is not None and answer.status in (200, 204):
                self.journal.moves += 1
                return
            time.sleep(self.dice.uniform(*AGAIN_SECONDS))


class Snoop(Script):
    """Asks for rooms that are not for them: everything but "not found" is a leak."""

    def turn(self) -> None:
        room = self.dice.choice(self.pen.rooms)
        path = self.dice.choice((f"/rooms/{room}", f"/rooms/{room}/messages", f"/poll?room={room}&since=0",
                                 f"/stream?room={room}&since=0", f"/rooms/{room}/refresh?since=0"))
        try:
            status = self.caller.status(path)
        except OSError:
            return
        if status not in (404, 503):
            self.journal.overheard.append(f"{path} was answered with {status}")


WAYS: dict[str, type[Writer]] = {"script": Script, "bot": Script, "form": Form, "inbox": Inbox, "command": Command,
                                 "wanderer": Wanderer, "snoop": Snoop}


def write(pipe: Connection, address: tuple[str, int], database: Path, environ: dict[str, str],
          pens: list[Pen]) -> list[Journal]:
    """Write until told "end"; obeys ("flood", seconds). Returns what each writer noted, once all have ended."""
    desk = Desk(address, database, environ, threading.Event(), threading.Event())
    writers = [WAYS[pen.way](pen, desk) for pen in pens]
    for writer in writers:
        writer.start()
    while (word := pipe.recv()) != "end":
        desk.flood.set()
        time.sleep(word[1])
        desk.flood.clear()
    desk.ending.set()
    for writer in writers:
        writer.join(LAST_SECONDS + 30)
    return [writer.journal for writer in writers]
