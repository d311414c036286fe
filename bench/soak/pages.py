"""Readers who have the page itself in Chromium; one of them writes, and loads the page anew now and then."""

import importlib.util
import random
import shutil
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from bench.soak.diary import Diary, Seat
from bench.soak.journal import Written
from bench.soak.words import body, token_of, version_of

FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")
WRITE_SECONDS = (2.0, 6.0)
RELOAD_SHARE = 0.08  # of its messages are followed by a reload, mostly before they were acknowledged
LOAD_SECONDS = 30.0
LAST_SECONDS = 60.0
OBSERVER = Path(__file__).with_name("observe.js")
NET_ERROR = "net::ERR_"  # what Chromium writes when a request gets no answer; a page cannot prevent it


class Read(NamedTuple):
    """What readers were given, what was typed into pages, what all of them complained of."""

    diaries: list[Diary]
    written: list[Written]
    complaints: list[str]


def missing() -> str | None:
    if shutil.which("chromium") is None:
        return "chromium is not installed"
    return None if importlib.util.find_spec("playwright") else "playwright is not installed"


class ReadingPage:
    """One window with the room's page; each time that it is loaded begins a diary."""

    def __init__(self, context: Any, base_url: str, seat: Seat, can_write: bool) -> None:
        assert seat.rooms
        self.seat = seat
        self.can_write = can_write
        self.diaries: list[Diary] = []
        self.tokens: dict[str, int] = {}
        self.complaints: list[str] = []
        self._url = f"{base_url}/rooms/{seat.rooms[0]}"
        self._page = context.new_page()
        self._page.on("console", self._hear_console)
        self._page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._began = 0

    def _hear_console(self, said: Any) -> None:
        if said.type == "error" and NET_ERROR not in said.text and "status of 50" not in said.text:
            self.complaints.append(said.text)

    def load(self) -> None:
        """Load the page, as often as it takes."""
        deadline = time.monotonic() + LOAD_SECONDS
        while True:
            try:
                answer = self._page.goto(self._url, timeout=8000)
                if answer is not None and answer.status == 200:
                    break
            except Exception as error:  # Playwright's own Error, of whatever the network did
                if time.monotonic() > deadline:
                    raise ConnectionError(f"the page does not load: {error}") from error
            time.sleep(0.3)
        self._began = int(self._page.get_attribute("#chat", "data-cursor"))

    def type(self, text: str) -> None:
        self._page.fill("#body", text)
        self._page.press("#body", "Enter")

    def unsent(self) -> int:
        return int(self._page.locator("#rows .message.pending, #rows .message.failed").count())

    def shows(self, id: int) -> bool:
        return self._page.locator(f"#m{id}").count() > 0

    def close_diary(self, is_last: bool) -> None:
        """Note what this load of the page was given."""
        found = self._page.evaluate("() => window.soak.report()")
        notes = Diary(self.seat, since=self._began)
        texts = dict(found["added"])
        standing = [id for id in found["standing"] if id > self._began]
        gone = sorted(texts.keys() - set(standing))
        for id in [*gone, *standing, *found["repeated"]]:
            notes.note(id, "message", version_of(texts.get(id, "")))
        others = [id for id in texts if id not in set(found["mine"])]
        # One's own message may stand there before what was said just before it.
        notes.move(max(others, default=self._began))
        notes.ended = None if is_last else notes.cursor
        self.diaries.append(notes)
        self.tokens |= {token: id for id, text in texts.items() if (token := token_of(text))}


class Pages:
    """All windows of this process."""

    def __init__(self, pages: Sequence[ReadingPage], pipe: Connection) -> None:
        self._pages = pages
        self._pipe = pipe
        self._dice = random.Random("pages")
        self._write_at = 0.0
        self._written: list[Written] = []

    def run(self) -> Read:
        for page in self._pages:
            page.load()
        self._pipe.send("listening")
        while not self._pipe.poll(0.25):
            self._write()
        self._pipe.recv()
        self._await(lambda: not any(page.unsent() for page in self._pages), LAST_SECONDS)
        self._pipe.send("written")
        last_ids, patience_seconds = self._pipe.recv()
        self._await(lambda: all(page.shows(last_ids[page.seat.rooms[0]]) for page in self._pages if page.seat.rooms),
                    patience_seconds)
        for page in self._pages:
            page.close_diary(is_last=True)
        return self._result()

    def _await(self, condition: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.2)

    def _write(self) -> None:
        writing = [page for page in self._pages if page.can_write]
        if not writing or time.monotonic() < self._write_at:
            return
        page = writing[0]
        token = f"page-{len(self._written) + 1}"
        assert page.seat.guest is not None and page.seat.rooms
        self._written.append(Written(token, "page", page.seat.guest.name, page.seat.rooms[0], has_key=True, attempts=1))
        page.type(body(token))
        if self._dice.random() < RELOAD_SHARE:
            page.close_diary(is_last=False)
            page.load()
        self._write_at = time.monotonic() + self._dice.uniform(*WRITE_SECONDS)

    def _result(self) -> Read:
        known = {token: id for page in self._pages for token, id in page.tokens.items()}
        for written in self._written:
            if written.token in known:
                written.ids.append(known[written.token])
        return Read([one for page in self._pages for one in page.diaries], self._written,
                    [words for page in self._pages for words in page.complaints])


def read(pipe: Connection, address: tuple[str, int], seats: Sequence[Seat]) -> Read:
    """Say "listening"; write until told "end", say "written"; read until told the last ids, by room."""
    from playwright.sync_api import sync_playwright

    base_url = f"http://{address[0]}:{address[1]}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        pages = []
        for number, seat in enumerate(seats):
            context = browser.new_context()
            context.add_init_script(path=OBSERVER)
            if seat.guest is not None:
                pairs = [pair.split("=", 1) for pair in seat.guest.cookies.split("; ")]
                context.add_cookies([{"name": name, "value": value, "url": base_url} for name, value in pairs])
            pages.append(ReadingPage(context, base_url, seat, can_write=number == 0 and seat.guest is not None))
        try:
            return Pages(pages, pipe).run()
        finally:
            browser.close()
