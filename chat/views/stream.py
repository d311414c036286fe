"""The event stream and the poll: two ways to give a reader the same events, through the same catch-up."""

import random
import time
from collections.abc import Generator, Iterable, Iterator

from flask import Blueprint, Response, request

from chat import __version__, identity, rooms, sse, times
from chat.hearing import Hearing
from chat.hub import Event, Reader
from chat.parts import Parts
from chat.presence import User
from chat.store import events
from chat.store import rooms as room_table
from chat.views import forms

RETRY_MS = (500, 1200)  # random in it for each reader, so that those who lose a server do not return as one
BYE_RETRY_MS = (500, 3000)
POLL_INTERVAL_MS = 4000
POLL_WAIT_SECONDS = 25  # under what proxies and hosts cut
POLL_PRESENT_SECONDS = 60.0
POLL_AWAY_SECONDS = 420.0
WAIT = b""  # what a stream's generator yields when it has nothing to say

blueprint = Blueprint("stream", __name__)


@blueprint.get("/stream")
def stream() -> Response:
    answer = Response(mimetype="text/event-stream", direct_passthrough=True)
    answer.headers["Cache-Control"] = "no-store, no-transform"
    answer.headers["X-Accel-Buffering"] = "no"
    asked = Asked()
    if request.method != "HEAD":
        answer.response = EventStream(asked)
    return answer


@blueprint.get("/poll")
def poll() -> Response:
    wait_seconds = forms.whole_number("wait", low=0, high=POLL_WAIT_SECONDS, default=0) or 0
    asked = Asked()
    parts, reader = asked.parts, asked.reader
    parts.hub.register(reader)
    try:
        reset = asked.begin()
        found = [] if reset else _held(asked, wait_seconds)
    finally:
        parts.hub.forget(reader)
    if reader.end == "revoked":
        asked = _ask_again()
    is_more = bool(found) and reader.cursor < parts.hub.last_id
    lines = [_as_json(event.id, event.name, event.data) for event in found]
    if reset:
        lines.append(_as_json(reader.cursor, "reset", reset))
    return _poll_answer(asked, lines, is_more)


def _ask_again() -> "Asked":
    """After a ban, a sign-out or the closing of a room: raise what a new request would be told, or ask as a visitor."""
    identity.forget_who()
    asked = Asked()
    asked.begin()
    return asked


def _held(asked: "Asked", wait_seconds: float) -> list[Event]:
    """What there is for the reader; where there is nothing, wait for it so long."""
    deadline = time.monotonic() + wait_seconds
    while True:
        found = asked.parts.hub.read(asked.reader)
        left = deadline - time.monotonic()
        if found or left <= 0 or asked.reader.end:
            return found
        asked.reader.waiter.wait(left)


def _poll_answer(asked: "Asked", lines: list[str], is_more: bool) -> Response:
    """The answer as text, because every event's JSON is there already."""
    present = asked.poll_presence()
    token = asked.parts.presence.token(present)
    if present and request.args.get("presence") != token:
        lines += [
            _as_json(None, "presence", asked.parts.presence.whole(room_id, slug, asked.reader.cursor))
            for room_id, slug in present.items()
        ]
    facts = {"more": is_more, "interval_ms": POLL_INTERVAL_MS, "presence": token}
    text = f'{{"cursor":{asked.reader.cursor},"events":[{",".join(lines)}],{sse.to_json(facts)[1:]}'
    answer = Response(text, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _as_json(event_id: int | None, name: str, data: str) -> str:
    return f'{{"id":{sse.to_json(event_id)},"event":"{name}","data":{data}}}'


def wait_for_news(room_id: int, cursor: int, seconds: float) -> None:
    """Wait until the room has an event beyond the cursor, at most so long; what is the reader's own does not count."""
    asked = Asked(room_ids=[room_id], cursor=cursor)
    deadline = time.monotonic() + seconds
    asked.parts.hub.register(asked.reader)
    try:
        asked.begin()
        while found := _held(asked, deadline - time.monotonic()):
            if any(event.channel == f"room:{room_id}" for event in found):
                return
    finally:
        asked.parts.hub.forget(asked.reader)


class Asked:
    """What a reader has asked for: who it is, in which rooms, from which cursor on; and its place at the hub.

    Raises ChatError `sign_in`, `not_found` for a room, `invalid` for a cursor.
    """

    def __init__(self, room_ids: list[int] | None = None, cursor: int | None = None) -> None:
        self.parts: Parts = identity.parts()
        who = self._who = identity.reader_required()
        self.user: User | None = rooms.as_wire_user(who.user) if who.user is not None else None
        self.cursor = _cursor() if cursor is None else cursor
        if room_ids is None:
            room_ids = self._named_rooms()
        rehear = rooms.rehearing(self.parts.store, who.user, who.own_channels, room_ids, who.session_id)
        self.reader = Reader(rehear, self.cursor or 0)

    def _named_rooms(self) -> list[int] | None:
        slugs = sorted(set(request.args.getlist("room")))
        if not slugs:
            return None
        with self.parts.store.read() as connection:
            return [rooms.find(connection, slug, self._who.user).id for slug in slugs]

    def begin(self) -> str | None:
        """Set the reader's cursor; returns the data of a `reset` where its own can no longer be served.

        This process reads the log first: it may be behind the one that served this reader before.
        """
        self.parts.hub.wake()
        newest = self.parts.hub.last_id
        if self.cursor is None:
            self.cursor = self.reader.cursor = newest
            return None
        reason = self._reset_reason()
        if reason is None:
            return None
        self.reader.cursor = newest
        return sse.to_json({"reason": reason, "cursor": newest})

    def _reset_reason(self) -> str | None:
        cursor = self.cursor or 0
        with self.parts.store.read() as connection:
            if cursor > events.highest_id(connection):
                return "ahead"
            if events.is_in_gap(connection, cursor):
                return "gap"
            return "pruned" if cursor < events.pruned_to(connection) else None

    def present_rooms(self) -> dict[int, str]:
        """The rooms that the reader hears from now on, id and slug."""
        room_ids = self.reader.hearing.present_rooms()
        with self.parts.store.read() as connection:
            return room_table.slugs(connection, room_ids) if room_ids else {}

    def poll_presence(self) -> dict[int, str]:
        """Note that a poller is here, or away for longer; returns its rooms."""
        present = self.present_rooms()
        if self.user is not None:
            for room_id, slug in present.items():
                is_away = self.parts.presence.is_away(self.user["id"], room_id)
                seconds = POLL_AWAY_SECONDS if is_away else POLL_PRESENT_SECONDS
                self.parts.presence.poll(self.user, {room_id: slug}, seconds)
        return present


def _cursor() -> int | None:
    """Where the reader wants to start: the header first, then the parameters in the contract's order."""
    parameters = [request.args.get(name) for name in ("last_event_id", "lastEventId", "since")]
    return sse.cursor_from(request.headers.get("Last-Event-ID"), *parameters)


class EventStream:
    """A stream's bytes for any WSGI server: its generator, driven by waiting wherever it has nothing to say.

    `close` must be called, as WSGI demands of servers; it is what takes the reader from the hub.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._entered: dict[int, str] = {}
        self._heard: Hearing | None = None
        self._frames = self._generate()
        asked.parts.hub.register(asked.reader)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            chunk = next(self._frames)
            if chunk is not WAIT:
                self._asked.reader.wrote_at = time.monotonic()
                return chunk
            self._asked.reader.waiter.wait(self._asked.parts.config.heartbeat_seconds)

    def close(self) -> None:
        parts, user = self._asked.parts, self._asked.user
        parts.hub.forget(self._asked.reader)
        if user is not None:
            parts.presence.leave(user, self._entered)
        self._entered = {}
        self._frames.close()

    def _generate(self) -> Generator[bytes, None, None]:
        reader = self._asked.reader
        yield from self._opening()
        while reader.end is None:
            yield self._news() or self._ping() or WAIT
        yield _bye(reader.end)

    def _opening(self) -> Iterable[bytes]:
        parts, reader = self._asked.parts, self._asked.reader
        reset = self._asked.begin()
        facts = {
            "cursor": self._asked.cursor,
            "heartbeat_seconds": parts.config.heartbeat_seconds,
            "version": __version__,
        }
        opening = sse.retry(random.randint(*RETRY_MS)) + sse.frame("hello", sse.to_json(facts), id=self._asked.cursor)
        if reset:
            opening += sse.frame("reset", reset, id=reader.cursor)
        return [opening + self._rosters()]

    def _news(self) -> bytes:
        """Whatever the reader has not been sent yet: events first, then frames without an id."""
        found = self._asked.parts.hub.read(self._asked.reader)
        passing = self._asked.parts.hub.read_passing(self._asked.reader)
        return b"".join([*(event.frame for event in found), self._rosters(), *passing])

    def _rosters(self) -> bytes:
        """Who is here, for every room that the stream has begun to hear, or has lost count of."""
        reader, presence = self._asked.reader, self._asked.parts.presence
        if reader.hearing is self._heard and not reader.has_missed_passing:
            return b""
        self._heard = reader.hearing
        present = self._asked.present_rooms()
        told = {} if reader.has_missed_passing else self._entered
        reader.has_missed_passing = False
        if self._asked.user is not None:
            presence.enter(self._asked.user, {id: slug for id, slug in present.items() if id not in self._entered})
            presence.leave(self._asked.user, [id for id in self._entered if id not in present])
        self._entered = present
        return b"".join(
            sse.frame("presence", presence.whole(room_id, slug, reader.cursor))
            for room_id, slug in present.items()
            if room_id not in told
        )

    def _ping(self) -> bytes:
        """A sign of life after a silence; its id moves the cursor past what was not for this reader."""
        if not self._asked.parts.hub.is_silent(self._asked.reader):
            return b""
        return sse.frame("ping", sse.to_json({"time": times.now()}), id=self._asked.reader.cursor)


def _bye(reason: str) -> bytes:
    retry_ms = random.randint(*BYE_RETRY_MS)
    return sse.frame("bye", sse.to_json({"reason": reason, "retry_ms": retry_ms}), retry_ms=retry_ms)
