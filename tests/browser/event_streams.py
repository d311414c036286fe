"""A small server that says to an EventSource whatever a test wants, byte for byte, and keeps what it was asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from chat.core import sse
from tests.browser.elsewhere import a_site

# A function of a page: the events of these names that an EventSource hears, until its connection ends so many times.
COLLECT = """(url, names, ends, options) => {
    const heard = self.heard = { events: [], states: [], isOver: false };
    const source = new EventSource(url, options || {});
    names.forEach(name => source.addEventListener(name, event => {
        if (event instanceof MessageEvent) { heard.events.push([event.type, event.data, event.lastEventId]); }
    }));
    source.onopen = () => heard.states.push('open');
    source.onerror = () => {
        heard.states.push(source.readyState === 2 ? 'closed' : 'connecting');
        ends -= 1;
        if (ends === 0 || source.readyState === 2) { source.close(); heard.isOver = true; }
    };
}"""


class Asked(dict[str, str]):
    """The headers of a request, by their names in small letters."""


class Answers:
    """What stands at each path: `streams[path]` is a function of the request's headers that gives status, headers
    and body. `asked[path]` are the headers of all requests for it so far."""

    def __init__(self) -> None:
        self.streams: dict[str, Callable[[Asked], tuple[int, dict[str, str], bytes]]] = {}
        self.asked: dict[str, list[Asked]] = {}
        self.port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, path: str, *bodies: bytes, status: int = 200, **headers: str) -> str:
        """Let the first request be answered by the first body, and so on; all later ones by the last."""
        head = {"Content-Type": sse.MEDIA_TYPE} | {name.replace("_", "-"): value for name, value in headers.items()}
        asked = self.asked[path] = []

        def answer(request: Asked) -> tuple[int, dict[str, str], bytes]:
            return status, head, bodies[min(len(asked), len(bodies)) - 1]

        self.streams[path] = answer
        return self.base_url + path


@contextmanager
def answering() -> Iterator[Answers]:
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if path not in answers.streams:  # a page without anything, at which a test is
                return self.answer(200, {"Content-Type": "text/html"}, b"<!doctype html><title>x</title>")
            asked = Asked({name.lower(): value for name, value in self.headers.items()})
            answers.asked[path].append(asked)
            self.answer(*answers.streams[path](asked))

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with a_site(Handler) as (answers.port, _):
        yield answers
