"""Who talks to a real server in tests: a person with a browser, a bot with its key, a reader of a stream."""

import http.client
import json
import select
import time
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tests.support.eventsource import EventSource
from tests.support.pages import Form, Page
from tests.support.serving import PATIENCE_SECONDS, Server

KEPT_SECONDS = 30.0  # the server closes a connection that is idle for 75
FORM = "application/x-www-form-urlencoded"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The contract's word for what went wrong."""
        return self.json["error"]["code"] if self.status >= 400 else None

    @property
    def page(self) -> Page:
        return Page(self.text)


class Person:
    """Somebody with a browser: cookies, a CSRF token and one kept connection, to one worker's pid if it is given."""

    def __init__(self, server: Server, worker: int | None = None, **headers: str) -> None:
        self.worker = worker
        self.mount = server.mount
        self._server = server
        self._detour: tuple[str, int] | None = None
        self.cookies: dict[str, str] = {}
        self.name = ""
        self._headers = with_hyphens(headers)
        self._kept: http.client.HTTPConnection | None = None
        self._kept_at = 0.0
        self._open: list[Stream | Pending | Person] = []

    @property
    def session_cookie(self) -> str:
        return self._server.cookie()

    @property
    def token_cookie(self) -> str:
        return self._server.cookie("longwave_token")

    def move_to(self, host: str, port: int) -> None:
        """From now on reach the server through a proxy that listens there."""
        self.close()
        self._detour = host, port

    def also_at(self, worker: int | None, server: Server | None = None) -> "Person":
        """The same person with the same session, their connections at another worker, or at another host's server."""
        other = Person(server or self._server, worker)
        other.cookies = dict(self.cookies)
        self._open.append(other)
        return other

    def __enter__(self) -> "Person":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        for each in self._open:
            each.close()
        if self._kept:
            self._kept.close()
        self._open, self._kept = [], None

    # Requests

    def request(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        """One request as it is, with the cookies alone; `Last_Event_ID` is the header Last-Event-ID."""
        return self._remember(*self._send(self._connection(), method, path, body, headers))

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def post(self, path: str, *, accept: str = "application/json", token: str | None = None, raw: bytes | None = None,
             **fields: object) -> Answer:
        """A form as a page's script sends it: with the token of /session, or the one given ("" sends none)."""
        if token is None:
            token = self.token()
        headers = {"Content_Type": FORM, "Accept": accept} | ({"X_CSRF_Token": token} if token else {})
        return self.request("POST", path, urlencode(fields) if raw is None else raw, **headers)

    def ask(self, path: str, **headers: str) -> "Pending":
        """A GET on a connection of its own whose answer may be a while."""
        return self.send("GET", path, None, **headers)

    def send(self, method: str, path: str, body: Any, **headers: str) -> "Pending":
        """Any request on a connection of its own, its answer not yet waited for."""
        pending = Pending(self._send(self._connection(is_kept=False), method, path, body, headers, is_read=False))
        self._open.append(pending)
        return pending

    def listen(self, query: str = "", **headers: str) -> "Stream":
        """Open the stream, on a connection of its own, and read as far as `hello`."""
        pending = self.ask(f"/stream?{query}", **headers)
        connection, answer = pending.connection, pending.head()
        assert answer.status == 200, answer.read()
        stream = Stream(connection, answer)
        self._open.append(stream)
        stream.expect("hello")
        return stream

    def _connection(self, is_kept: bool = True) -> http.client.HTTPConnection:
        if is_kept and self._kept and self._kept.sock and time.monotonic() - self._kept_at < KEPT_SECONDS:
            self._kept_at = time.monotonic()
            return self._kept
        connection = http.client.HTTPConnection(self._server.host, self._server.port, timeout=PATIENCE_SECONDS)
        connection.auto_open = 0
        connection.sock = self._server.connect(self.worker, self._detour)
        if is_kept:
            if self._kept:
                self._kept.close()
            self._kept, self._kept_at = connection, time.monotonic()
        return connection

    def _send(self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | str | None,
              headers: dict[str, str], is_read: bool = True) -> Any:
        if self.cookies:
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
        headers = self._headers | with_hyphens(headers)
        connection.request(method, self.mount + path, body, headers, encode_chunked="Transfer-Encoding" in headers)
        return (connection, connection.getresponse()) if is_read else connection

    def _remember(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> Answer:
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return Answer(answer.status, answer.headers, answer.read())

    # What one does in a chat

    def token(self) -> str:
        return self.get("/session").json["csrf_token"]

    def sign_in(self, name: str) -> "Person":
        answer = self.post("/sign-in", name=name)
        assert answer.status == 200, answer.text
        self.name = name
        return self

    @property
    def user(self) -> Any:
        return self.get("/session").json["user"]

    def say(self, body: str, room: str = "lobby", **fields: Any) -> Any:
        """Post a message; returns it as the server acknowledged it."""
        answer = self.post(f"/rooms/{room}/messages", body=body, **fields)
        assert answer.status == 201, answer.text
        return answer.json

    def cursor(self) -> int:
        return self.get("/session").json["cursor"]

    def poll(self, query: str = "") -> Any:
        answer = self.get(f"/poll?{query}")
        assert answer.status == 200, answer.text
        return answer.json

    def poll_on(self, since: int, query: str = "") -> list[dict[str, Any]]:
        """All events since then, however many answers they take."""
        events, is_more = [], True
        while is_more:
            answer = self.poll(f"{query}since={since}")
            events += answer["events"]
            since, is_more = answer["cursor"], answer["more"]
        return events

    def look(self, path: str) -> Page:
        answer = self.get(path)
        assert answer.status == 200, answer.text
        return answer.page

    def look_until(self, path: str, address: str, parameter: str = "?from=") -> Page:
        """The page that has this address, or whichever part of its list, in the order of the links that go on."""
        page, here = self.look(path), path.partition("?")[0]
        while address not in {each.partition("?")[0] for each in page.addresses}:
            ways = [way for way in page.addresses if parameter in way and way.partition("?")[0] == here]
            page = self.look(ways[-1].partition("#")[0])
        return page

    def submit(self, form: Form, **typed: str) -> Answer:
        """Fill in a form of a page and send it, as a browser without script does."""
        body = urlencode(form.fields | typed)
        return self.request("POST", form.action.removeprefix(self.mount), body, Content_Type=FORM, Accept="text/html")


class Bot(Person):
    """A program with a key; it sends JSON."""

    def __init__(self, server: Server, key: str, worker: int | None = None) -> None:
        super().__init__(server, worker, Authorization=f"Bearer {key}")

    def post(self, path: str, **fields: object) -> Answer:
        return self.request("POST", path, json.dumps(fields), Content_Type="application/json")


class Pending:
    """A request that was sent and may not be answered yet."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection

    def comes_within(self, seconds: float) -> bool:
        """Whether a first byte has come."""
        return bool(select.select([self.connection.sock], [], [], seconds)[0])

    def head(self) -> http.client.HTTPResponse:
        return self.connection.getresponse()

    def answer(self) -> Answer:
        answer = self.head()
        return Answer(answer.status, answer.headers, answer.read())

    def close(self) -> None:
        self.connection.close()


class Event(NamedTuple):
    name: str
    id: int | None  # what a browser would send as Last-Event-ID after it
    data: Any


class Stream:
    """An open event stream, read by the standard's own rules; `events` is everything so far, `raw` its bytes."""

    def __init__(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        self.headers = answer.headers
        self.raw = b""
        self.events: list[Event] = []
        self.has_ended = False
        self._connection = connection
        self._answer = answer
        self._source = EventSource()
        self._looked_at = 0

    @property
    def last_id(self) -> int:
        """What a browser sends when it comes back."""
        return int(self._source.last_event_id)

    @property
    def retry_ms(self) -> int | None:
        return self._source.reconnection_time_ms

    def expect(self, name: str | tuple[str, ...], where: Callable[[Any], Any] = lambda data: True,
               within: float = PATIENCE_SECONDS) -> Event:
        """Read on until the next event of this name, or of one of these, whose data is such; others are passed over."""
        names = (name,) if isinstance(name, str) else name
        deadline = time.monotonic() + within
        while True:
            while self._looked_at < len(self.events):
                event = self.events[self._looked_at]
                self._looked_at += 1
                if event.name in names and where(event.data):
                    return event
            assert self._read(), f"the stream ended before {name}; it had {self.events}"
            assert time.monotonic() < deadline, f"no {name} in {within} s, but {self.events}"

    def expect_message(self, body: str) -> Event:
        return self.expect("message", lambda message: message["body"] == body)

    def expect_end(self) -> None:
        while self._read():
            pass

    def named(self, *names: str) -> list[Event]:
        """The events of these names so far."""
        return [event for event in self.events if event.name in names]

    @property
    def bodies(self) -> list[str]:
        return [event.data["body"] for event in self.named("message")]

    def close(self) -> None:
        self._answer.close()
        self._connection.close()

    def _read(self) -> bool:
        try:
            chunk = self._answer.read1(65536)
        except (http.client.IncompleteRead, ConnectionResetError):
            chunk = b""
        except TimeoutError:
            raise AssertionError(f"silence; so far {self.events}") from None
        self.raw += chunk
        self.has_ended = self.has_ended or not chunk
        for name, data, last_id in self._source.feed(chunk):
            self.events.append(Event(name, int(last_id) if last_id else None, json.loads(data)))
        return bool(chunk)


def with_hyphens(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def query_of(**parameters: object) -> str:
    return urlencode({name: value for name, value in parameters.items() if value is not None}, quote_via=quote)
