"""Readers without a stream: a poll that is held, a poll at intervals, the frame of pages without script."""

import json
import random
import re
import threading
from html import unescape
from typing import NoReturn

from bench.soak.asking import HOLD_SECONDS, Caller
from bench.soak.diary import NUMBERS, Diary
from bench.soak.words import REMOVED, checksum, version_in, version_of

SHORT_SECONDS = (0.5, 3.0)
FAILED_SECONDS = (0.2, 1.2)
HOLD_PATIENCE_SECONDS = HOLD_SECONDS + 3


class Listener(threading.Thread):
    """A reader in a thread of its own: `listen_once`, again and again, until it has come to the cursor `until`."""

    def __init__(self, notes: Diary, address: tuple[str, int]) -> None:
        super().__init__(name=notes.seat.label, daemon=True)
        self.notes = notes
        self.address = address
        self.caller = Caller(address, notes.seat.guest)
        self.dice = random.Random(notes.seat.label)
        self.until: int | None = None
        self.ending = threading.Event()

    def run(self) -> None:
        try:
            while not self.ending.is_set() and not self.is_done():
                self._turn()
        except Exception as error:  # a mistake of ours must be seen, not hang the run
            self.notes.complain(f"the reader failed: {error!r}")
        finally:
            self.stop()

    def is_done(self) -> bool:
        return self.until is not None and self.notes.has_come_to(self.until)

    def is_reading(self) -> bool:
        """Whether there is something that it has yet to hear."""
        return self.is_alive() and not self.is_done()

    def _turn(self) -> None:
        try:
            self.listen_once()
        except OSError:
            self.notes.lose()
            self.ending.wait(self.dice.uniform(*FAILED_SECONDS))

    def listen_once(self) -> None:
        """Hear once, or raise OSError."""
        raise NotImplementedError

    def _refused(self, status: int) -> NoReturn:
        self.notes.complain(f"was answered with {status}")
        raise OSError

    def stop(self) -> None:
        """Let go of what is open."""
        self.caller.hang_up()


class Poll(Listener):
    """`GET /poll` with the last cursor; what was not answered whole was not heard."""

    wait_seconds = 0

    def listen_once(self) -> None:
        wait_seconds = 0 if self.notes.began is None else self.wait_seconds  # the first tells where one begins
        self.notes.open()
        answer = self.caller.get("/poll", timeout_seconds=HOLD_PATIENCE_SECONDS, room=self.notes.seat.rooms,
                                 since=self.notes.cursor, wait=wait_seconds or None)
        if answer.status != 200:
            self._refused(answer.status)
        self.notes.hear()
        found = answer.json
        for event in found["events"]:
            self._note(event)
        self.notes.start(found["cursor"])
        if not found["more"]:
            self.rest()

    def _note(self, event: dict) -> None:
        if event["event"] == "reset":
            self.notes.reset(event["id"])
        elif event["event"] in NUMBERS:
            data = json.dumps(event["data"], ensure_ascii=False, separators=(",", ":")).encode()
            self.notes.note(event["id"], event["event"], version_in(data), checksum(data))

    def rest(self) -> None:
        self.ending.wait(self.dice.uniform(*SHORT_SECONDS))


class HeldPoll(Poll):
    wait_seconds = HOLD_SECONDS

    def rest(self) -> None:
        """The next at once: the server holds it."""


_ROW = re.compile(r'<li class="message([^"]*)" id="m(\d+)".*?</li>', re.DOTALL)
_TEXT = re.compile(r'<div class="text">(.*?)</div>', re.DOTALL)
_NEXT = re.compile(r'<meta http-equiv="refresh" content="[^"]*?url=([^"]*)"')
_FRAME = re.compile(r'<iframe src="([^"]*/refresh[^"]*)"')
_CURSOR = re.compile(r'data-cursor="(\d+)"')
_OLDER = re.compile(r'href="([^"]*\?before=\d+)"')


class Frame(Listener):
    """A browser without script: the room's page, and in it the frame that loads itself anew when there is news."""

    def __init__(self, notes: Diary, address: tuple[str, int]) -> None:
        super().__init__(notes, address)
        self.caller.accept = "text/html"
        assert notes.seat.rooms
        self._room = f"/rooms/{notes.seat.rooms[0]}"
        self._next: str | None = None
        self._seen: set[int] = set()

    def listen_once(self) -> None:
        if self._next is None:
            return self._load_page()
        page = self._load(self._next)
        self._note(self._rows(page))
        found = _NEXT.search(page)
        if found is None:  # too much for the frame: it offers the page anew
            self._next = None
            return
        self._next = unescape(found[1])
        self.notes.move(int(re.findall(r"seen=(\d+)", self._next)[0]))

    def _load_page(self) -> None:
        """The page anew, and the older ones back to what was read before."""
        page = self._load(self._room)
        frame, cursor = _FRAME.search(page), _CURSOR.search(page)
        if frame is None or cursor is None:
            raise OSError("the room's page has no frame")
        rows = self._rows(page)
        if self.notes.began is None:
            self.notes.start(int(cursor[1]))
            self._seen.add(int(cursor[1]))
        older = _OLDER.search(page)
        while rows and older is not None and rows[0][0] > max(self._seen):
            page = self._load(unescape(older[1]))
            earlier, older = self._rows(page), _OLDER.search(page)
            rows = earlier + rows
            older = older if earlier else None
        self._note(rows)
        self._next = unescape(frame[1])
        self.notes.move(int(cursor[1]))

    def _load(self, path: str) -> str:
        self.notes.open()
        answer = self.caller.get(path, timeout_seconds=HOLD_PATIENCE_SECONDS)
        if answer.status != 200:
            self._refused(answer.status)
        self.notes.hear()
        return answer.body.decode()

    def _rows(self, page: str) -> list[tuple[int, int]]:
        """The id and version of each message on the page, in its order."""
        rows = []
        for found in _ROW.finditer(page):
            text = _TEXT.search(found[0])
            rows.append((int(found[2]), version_of(text[1]) if text else REMOVED))
        return rows

    def _note(self, rows: list[tuple[int, int]]) -> None:
        """What was not there before; a row that stands twice on a page is noted twice."""
        on_page: set[int] = set()
        for id, version in rows:
            if id > (self.notes.began or 0) and (id not in self._seen or id in on_page):
                self.notes.note(id, "message", version)
            on_page.add(id)
        self._seen |= on_page
