"""The event stream and the poll: two transports for the same events, with the same catch-up."""

import time
from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, g, request

from chat.core import log_events, sse
from chat.core.pacing import IDLE_SECONDS, IDLE_SPREAD
from chat.core.wire import to_json
from chat.domain import rooms, serializers
from chat.realtime import subscription
from chat.realtime.holds import HeldPoll, Hold
from chat.realtime.legacy_streams import LegacyStream
from chat.realtime.presence.rosters import POLL_WHOLES_BYTES, STREAM_WHOLES_BYTES, User
from chat.realtime.readers import Reader, Refresh
from chat.realtime.ring import Event
from chat.realtime.streams import Stream, StreamBody, bye
from chat.server.process import Process
from chat.store.tables import events
from chat.web import context, cookies, forms, identity

POLL_WAIT_SECONDS = 25  # shorter than the timeouts of proxies and hosts
POLL_PRESENT_SECONDS = 60.0
POLL_AWAY_SECONDS = IDLE_SECONDS * (1 + IDLE_SPREAD) + POLL_PRESENT_SECONDS  # also for readers of head files
PADDED = ("1", "true")  # as in the contract, and as sent by the usual polyfill
# Set in the environ by a worker that parks: that it can park this request, and that it has.
MAY_PARK, HAS_WAITED = "longwave.may_park", "longwave.has_waited"

blueprint = Blueprint("stream", __name__)


@blueprint.get("/stream")
def stream() -> Response:
    """The event stream, for everybody who may read its rooms; errors are JSON. ChatError `not_found`, `invalid`."""
    answer = event_stream()
    if _is_dom_dialect():
        answer.headers["Content-Type"] = sse.DOM_MEDIA_TYPE
    asked = ReaderRequest(_stream_for)
    if request.method != "HEAD":
        answer.response = _begin(asked)
    return answer


def event_stream() -> Response:
    """The response of every event stream, without a body; its headers forbid buffering and caching."""
    answer = Response(mimetype=sse.MEDIA_TYPE, direct_passthrough=True)
    answer.headers["Cache-Control"] = "no-store, no-transform"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def _stream_for(asked: "ReaderRequest", refresh: Refresh, cursor: int) -> Stream:
    streams, in_dom_dialect = asked.process.streams, _is_dom_dialect()
    if not in_dom_dialect and not is_padded():
        return Stream(streams, asked.user, refresh, cursor)
    return LegacyStream(streams, asked.user, refresh, cursor, in_dom_dialect=in_dom_dialect, is_padded=is_padded())


def is_padded() -> bool:
    """Whether the reader is an XMLHttpRequest, some of which show nothing of an answer before 2 KB have arrived."""
    return request.args.get("padding") in PADDED


def _is_dom_dialect() -> bool:
    return request.args.get("dialect") == "dom" or sse.DOM_MEDIA_TYPE in request.headers.get("Accept", "")


def _begin(asked: "ReaderRequest") -> StreamBody | list[bytes]:
    streams, reader = asked.process.streams, asked.reader
    assert isinstance(reader, Stream)
    if streams.ends_at_once:
        return [reader.begun(_all_there_is(asked))]
    if not streams.take_in(reader):
        asked.begin()
        return [reader.begun(streams.refusal(asked.cursor))]
    try:
        reset = asked.begin()
        opening = streams.opening(asked.cursor) + _as_frame(asked, reset)
        return StreamBody(reader, reader.begun(opening + reader.rosters()), streams.heartbeat_seconds)
    except BaseException:
        reader.close()
        raise


def _all_there_is(asked: "ReaderRequest") -> bytes:
    """A whole stream in one answer, which ends at once and so takes no place."""
    process, reader = asked.process, asked.reader
    process.hub.register(reader)
    try:
        reset = asked.begin()
        found = [] if reset else process.hub.feed.read(reader)
    finally:
        process.hub.forget(reader)
    sent = process.streams.opening(asked.cursor) + _as_frame(asked, reset) + b"".join(event.frame for event in found)
    if reader.end:
        return sent + bye(reader.end)
    wholes = process.presence.wholes(asked.poll_presence(), reader.cursor, STREAM_WHOLES_BYTES)
    sent += b"".join(sse.frame(log_events.PRESENCE, whole) for whole in wholes)
    is_more = bool(found) and reader.cursor < process.hub.last_id
    return sent + process.streams.ping(reader.cursor) + process.streams.farewell(is_more)


def _as_frame(asked: "ReaderRequest", reset: str | None) -> bytes:
    return sse.frame(log_events.RESET, reset, id=asked.reader.cursor) if reset else b""


@blueprint.get("/poll")
def poll() -> Response:
    """The events after the cursor as JSON, held up to `wait` seconds while there are none; for the same readers.

    ChatError `not_found`, `invalid`.
    """
    wait_seconds = forms.whole_number("wait", low=0, high=POLL_WAIT_SECONDS, default=0) or 0
    asked = ReaderRequest(_hold_for)
    process, reader = asked.process, asked.reader
    if HAS_WAITED in request.environ or not wait_seconds or not process.streams.take_in(reader):
        wait_seconds = 0
        process.hub.register(reader)
    is_parked = False
    try:
        reset = asked.begin()
        found = [] if reset else process.hub.feed.read(reader)
        if not reset and not found and not reader.end and wait_seconds:
            is_parked = _may_park()
            if is_parked:
                return _parked(asked, wait_seconds)
            found = _held(asked, wait_seconds)
    finally:
        if not is_parked:
            process.hub.forget(reader)
    if reader.end == "revoked":
        asked = _ask_again()
    is_more = bool(found) and reader.cursor < process.hub.last_id
    lines = [_as_json(event.id, event.name, event.data) for event in found]
    if reset:
        lines.append(_as_json(reader.cursor, log_events.RESET, reset))
    return _poll_answer(asked, lines, is_more)


def _hold_for(asked: "ReaderRequest", refresh: Refresh, cursor: int, channel: str | None = None) -> Hold:
    return Hold(asked.process.hub, refresh, cursor, channel)


def _may_park() -> bool:
    """Whether the worker can park this poll: it repeats the request later, so this answer must not set cookies."""
    return MAY_PARK in request.environ and not cookies.must_renew()


def _parked(asked: "ReaderRequest", wait_seconds: float) -> Response:
    """The response that tells the worker to keep the connection, and to repeat the request when there is an answer."""
    assert isinstance(asked.reader, Hold)
    asked.reader.due_at = time.monotonic() + wait_seconds
    g.is_held = True
    return Response(HeldPoll(asked.reader), direct_passthrough=True)


def _ask_again() -> "ReaderRequest":
    """The request as it would be now, after a ban, a sign-out or the closing of a room: raises, or is a visitor's."""
    identity.forget_who()
    asked = ReaderRequest(_hold_for)
    asked.begin()
    return asked


def _held(asked: "ReaderRequest", wait_seconds: float) -> list[Event]:
    """The events for the reader; if there are none, wait for them so long."""
    deadline = time.monotonic() + wait_seconds
    while True:
        found = asked.process.hub.feed.read(asked.reader)
        left = deadline - time.monotonic()
        if found or left <= 0 or asked.reader.end:
            return found
        assert asked.reader.waiter is not None
        asked.reader.waiter.wait(left)


def _poll_answer(asked: "ReaderRequest", lines: list[str], is_more: bool) -> Response:
    """The answer, put together as text, because every event is JSON already."""
    present = asked.present_rooms()
    head_urls = _head_urls(asked, present)
    asked.poll_presence(is_seldom=bool(head_urls))
    token = asked.process.presence.token(present)
    if present and request.args.get("presence") != token:
        wholes = asked.process.presence.wholes(present, asked.reader.cursor, POLL_WHOLES_BYTES)
        lines += [_as_json(None, log_events.PRESENCE, whole) for whole in wholes]
    facts = {"more": is_more, "interval_ms": asked.process.streams.poll_interval_ms, "presence": token}
    if head_urls:
        facts |= {"head_urls": head_urls, "idle_ms": asked.process.streams.idle_ms()}
    text = f'{{"cursor":{asked.reader.cursor},"events":[{",".join(lines)}],{to_json(facts)[1:]}'
    answer = Response(text, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _head_urls(asked: "ReaderRequest", present: dict[int, str]) -> dict[str, str]:
    """The URLs of the head files of the reader's rooms, by slug; none if this process can hold more readers."""
    if not asked.process.streams.is_full:
        return {}
    names = asked.process.watermarks.names(present, asked.process.hub.last_id)
    return {present[room_id]: f"{context.heads_url()}/{name}" for room_id, name in names.items()}


def _as_json(event_id: int | None, name: str, data: str) -> str:
    return f'{{"id":{to_json(event_id)},"event":"{name}","data":{data}}}'


def wait_for_news(room_id: int, cursor: int, seconds: float) -> Response | None:
    """Wait until the room has an event beyond the cursor, at most so long; the user's own channel does not count.

    If the worker can park, returns at once the response that the view must return: the request is repeated when there
    is news, and then nothing waits.
    """
    if HAS_WAITED in request.environ:
        return None
    channel = f"room:{room_id}"
    asked = ReaderRequest(partial(_hold_for, channel=channel), room_ids=[room_id], cursor=cursor)
    reader, deadline = asked.reader, time.monotonic() + seconds
    assert isinstance(reader, Hold)
    if not asked.process.streams.take_in(reader):
        return None
    is_parked = False
    try:
        asked.begin()
        while not reader.has_news() and not reader.end and (left := deadline - time.monotonic()) > 0:
            if _may_park():
                is_parked = True
                return _parked(asked, left)
            assert reader.waiter is not None
            reader.waiter.wait(left)
    finally:
        if not is_parked:
            asked.process.hub.forget(reader)
    return None


class ReaderRequest:
    """A request for events: whose, of which rooms and from which cursor; and its reader at the hub.

    `reader_for` makes the reader. Raises what `identity.reader_required` raises, and ChatError `not_found` for a room,
    `invalid` for a cursor.
    """

    def __init__(
        self,
        reader_for: Callable[["ReaderRequest", Refresh, int], Reader],
        room_ids: list[int] | None = None,
        cursor: int | None = None,
    ) -> None:
        self.process: Process = context.process()
        who = self._who = identity.reader_required()
        self.user: User | None = serializers.as_wire_user(who.user) if who.user is not None else None
        self.cursor = cursor_asked() if cursor is None else cursor
        if room_ids is None:
            room_ids = self._named_rooms()
        # A cursor that is ahead, or none, will become the end of the log.
        newest = self.process.hub.last_id
        since = newest if self.cursor is None else min(self.cursor, newest)
        store = self.process.store
        refresh = subscription.of_reader(store, who.user, who.own_channels, room_ids, who.session_id, since)
        self.reader = reader_for(self, refresh, self.cursor or 0)
        self.reader.holders = identity.holders()

    def _named_rooms(self) -> list[int] | None:
        slugs = sorted(set(request.args.getlist("room")))
        if not slugs:
            return None
        with self.process.store.read() as connection:
            return [rooms.find(connection, slug, self._who.user).id for slug in slugs]

    def begin(self) -> str | None:
        """Set the reader's cursor; returns the data of a `reset` if its own cursor can no longer be served.

        This process reads the log first, because it may be behind the one that served this reader before. Raises
        ChatError `sign_in` for a bot whose key was replaced since the request began; `of_reader` checks sessions.
        """
        self.process.hub.wake()
        if self._who.is_bot:
            identity.forget_who()
            identity.reader_required()
        newest = self.process.hub.last_id
        if self.cursor is None:
            self.cursor = self.reader.cursor = newest
            return None
        reason = self._reset_reason()
        if reason is None:
            return None
        self.reader.cursor = newest
        return to_json({"reason": reason, "cursor": newest})

    def _reset_reason(self) -> str | None:
        cursor = self.cursor or 0
        with self.process.store.read() as connection:
            if cursor > events.highest_id(connection):
                return "ahead"
            if events.is_in_gap(connection, cursor):
                return "gap"
            return "pruned" if cursor < events.pruned_to(connection) else None

    def present_rooms(self) -> dict[int, str]:
        """The slugs of the rooms that the reader receives from now on, by room id."""
        return self.process.streams.slugs(self.reader.visibility.present_rooms())

    def poll_presence(self, is_seldom: bool = False) -> dict[int, str]:
        """Note that a poller is here, for longer if away or polling seldom; returns what `present_rooms` does."""
        present = self.present_rooms()
        if self.user is not None:
            for room_id, slug in present.items():
                is_away = self.process.presence.is_away(self.user["id"], room_id)
                seconds = POLL_AWAY_SECONDS if is_away or is_seldom else POLL_PRESENT_SECONDS
                self.process.presence.poll(self.user, {room_id: slug}, seconds)
        return present


def cursor_asked() -> int | None:
    """The cursor that the request names, by header or parameters, in the contract's order; None for now.

    Raises ChatError `invalid`.
    """
    parameters = [request.args.get(name) for name in ("last_event_id", "lastEventId", "since")]
    return sse.cursor_from(request.headers.get("Last-Event-ID"), *parameters)
