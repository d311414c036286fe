"""Browsers that chat in the lobby by the page's own scripts, all in one node process, without a view.

What each is given and acknowledged is noted as the soak notes it, so that its oracle can judge both.
"""

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.guests import Guest
from bench.soak import truth
from bench.soak.diary import NUMBERS, Diary, Seat
from bench.soak.journal import Journal, Written
from bench.soak.oracle import Verdict, judge
from bench.soak.words import body, token_of, version_in
from chat.web import assets
from tests.browser.engines.driver import Driver, driver
from tests.hosts.kinds import Host
from tests.support.clients import Person
from tests.support.serving import PATIENCE_SECONDS, TOP, eventually

ROOM = "lobby"
# What draws, what asks for more of a room than comes by itself, and what several tabs would share.
VIEW = {"composer/pending", "composer/keys", "composer/composer",
        "room/rows", "room/separators", "room/log", "room/history", "room/menu", "room/acts", "room/removal",
        "room/edit", "room/walk",
        "people/roster", "people/typing",
        "page/times", "page/copy", "page/invite", "page/lists", "page/room_place", "page/rooms", "page/announce",
        "page/panels", "page/state", "page/renewal", "page/refresh", "page/sleep",
        "line/element_stream",
        "sharing/listener", "sharing/leader", "sharing/sharing", "sharing/carrier"}
NAMES = [name for name in assets.PAGES["room"] if name not in VIEW]
TAKE_SECONDS = 0.5
CURTAIN = "curtain"


@dataclass
class Reader:
    """One browser: `state` is what its page says of the connection; moments are seconds of the wall clock."""

    diary: Diary
    journal: Journal = field(default_factory=Journal)
    state: str = "connecting"
    detail: Any = None
    said_at: dict[str, float] = field(default_factory=dict)
    acknowledged_at: dict[str, float] = field(default_factory=dict)
    heard_at: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether something of its own has not been acknowledged yet."""
        return len(self.said_at) > len(self.acknowledged_at)


class Crowd:
    """Lets browsers come, speak and listen; `readers` is who has come, in that order."""

    def __init__(self, node: Driver, host: Host) -> None:
        self.readers: list[Reader] = []
        self._node = node
        self._host = host
        self._dice = random.Random(7)

    def enter(self, name: str) -> Reader:
        """Somebody signs in, and opens the room's page with all that it loads from the app."""
        with Person(self._host) as person:
            person.sign_in(name)
            token = person.token()
            assert person.post(f"/rooms/{ROOM}/join", token=token).status in (200, 204)
            page = person.look(f"/rooms/{ROOM}")
            for script in page.find("script"):
                assert person.get(script["src"].removeprefix(person.mount)).status == 200
            facts = next(page.find("div", id="chat"))
            diary = Diary(Seat(name, "page's script", Guest(name, "", token), None), int(facts["data-cursor"]))
            self.readers.append(Reader(diary))
            self._node.order("open", url=f"{self._host.url}/rooms/{ROOM}", facts=facts, cookies=person.cookies,
                             token=page.metas["csrf-token"])
        return self.readers[-1]

    def chat(self, seconds: float, pause_seconds: float) -> Iterator[float]:
        """For so long each says something now and then; gives the time left, about twice a second."""
        end = time.monotonic() + seconds
        due = [time.monotonic() + self._dice.uniform(0, pause_seconds) for _ in self.readers]
        while (left := end - time.monotonic()) > 0:
            for number, moment in enumerate(due):
                if moment <= time.monotonic():
                    self.say(number)
                    due[number] += self._dice.uniform(0.5, 1.5) * pause_seconds
            self.take()
            yield left
            time.sleep(min(left, TAKE_SECONDS))

    def say(self, number: int) -> str:
        """The reader writes a message, and its page sends it; returns the message's token."""
        reader = self.readers[number]
        token = f"{reader.diary.seat.label.replace(' ', '')}-{len(reader.said_at)}"
        reader.said_at[token] = time.time()
        self._node.order("say", page=number, text=body(token))
        return token

    def skip(self, number: int, seconds: float) -> None:
        """So much time is over for this reader's page."""
        self._node.order("skip", page=number, seconds=seconds)

    def take(self) -> None:
        """Note what has happened in the pages."""
        assert not self._node.heard, f"the page's scripts complained: {self._node.heard}"
        for note in self._node.order("take"):
            getattr(self, f"_take_{note['what']}")(self.readers[note["page"]], note)

    def _take_event(self, reader: Reader, note: dict[str, Any]) -> None:
        if note["name"] == "reset":
            reader.diary.reset(note["data"]["cursor"])
        elif note["name"] in NUMBERS:
            text = json.dumps(note["data"], separators=(",", ":")).encode()
            reader.diary.note(note["id"], note["name"], version_in(text))
            reader.diary.move(note["id"])
            if note["name"] == "message":
                reader.heard_at[token_of(note["data"]["body"]) or ""] = note["at"] / 1000

    def _take_state(self, reader: Reader, note: dict[str, Any]) -> None:
        reader.state, reader.detail = note["name"], note["detail"]

    def _take_said(self, reader: Reader, note: dict[str, Any]) -> None:
        reader.said_at[token_of(note["body"]) or ""] = note["at"] / 1000

    def _take_settled(self, reader: Reader, note: dict[str, Any]) -> None:
        token = token_of(note["body"]) or ""
        reader.acknowledged_at[token] = note["at"] / 1000
        reader.journal.written.append(
            Written(token, "page", reader.diary.seat.label, ROOM, has_key=True, ids=[note["id"]]))

    def _take_failed(self, reader: Reader, note: dict[str, Any]) -> None:
        reader.failed.append(f"{note['request']}: {note['error'] or note['status']}")

    def end(self) -> Verdict:
        """Let everybody hear all that was said, close the pages, and judge it by the database."""
        self._await(lambda: not any(reader.waits for reader in self.readers))
        token = self.say(0)
        self._await(lambda: all(token in reader.heard_at for reader in self.readers))
        for number in range(len(self.readers)):
            self._node.order("close", page=number)
        last_id = self.readers[0].journal.written[-1].ids[0]
        return judge(truth.read(self._host.stage.instance / "longwave.db", last_id),
                     [reader.diary for reader in self.readers], [reader.journal for reader in self.readers])

    def _await(self, condition: Any) -> None:
        def is_so() -> bool:
            self.take()
            time.sleep(TAKE_SECONDS)
            return bool(condition())

        eventually(is_so, within=4 * PATIENCE_SECONDS)

    # What it came to

    @property
    def post_seconds(self) -> list[float]:
        """From the page's sending each message to its acknowledgement."""
        return [at - reader.said_at[token] for reader in self.readers for token, at in reader.acknowledged_at.items()]

    @property
    def delays(self) -> list[float]:
        """From sending a message to each reader who has it, but its author."""
        said_at = {token: at for reader in self.readers for token, at in reader.said_at.items()}
        return [at - said_at[token] for reader in self.readers for token, at in reader.heard_at.items()
                if token in said_at and token not in reader.said_at]

    @property
    def failed(self) -> list[str]:
        return [f"{reader.diary.seat.label}: {words}" for reader in self.readers for words in reader.failed]


@contextmanager
def a_crowd(host: Host) -> Iterator[Crowd]:
    """Nobody yet, at this host or through what stands before it; fails when a script has complained."""
    with driver("viewless.mjs", str(TOP / "static" / "js"), *NAMES) as node:
        yield Crowd(node, host)
