"""What gunicorn does not document and our workers rely on: how its workers call each other, its requests and answers.

Its classes of workers and loggers, what its base `Worker` has, and its settings are documented, and used elsewhere.
"""

import inspect
from collections.abc import Callable
from typing import Any

import gunicorn
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.http.wsgi import Response
from gunicorn.workers.base import Worker
from gunicorn.workers.base_async import AsyncWorker

from chat.runtime.internals import Internals

TRIED = ((23,), (27,))
HOOKS = {"timeout_ctx": 0, "handle": 3, "handle_request": 4, "is_already_handled": 1}  # with how many arguments
STRANGERS = "Invalid request from ip="  # how the log line begins about what was no HTTP; the address follows, then ": "
OF_RESPONSE = {"req", "sock", "headers", "chunked", "headers_sent", "response_length", "sent"}
OF_REQUEST = {"unreader", "headers", "body", "version", "peer_addr", "proxy_protocol_info", "uri", "method",
              "max_buffer_headers"}


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a method takes so many arguments beside `self`."""
    return len(inspect.signature(function).parameters) == count + 1


def _sets(kind: type, names: set[str]) -> bool:
    """Whether what is made of the class has these attributes: `__init__`, its own or a parent's, mentions each."""
    makers = [vars(each)["__init__"] for each in kind.__mro__ if inspect.isfunction(vars(each).get("__init__"))]
    return names <= {name for maker in makers for name in maker.__code__.co_names}


INTERNALS = Internals(
    "gunicorn", gunicorn.version_info, TRIED,
    {
        "AsyncWorker": lambda: all(_takes(getattr(AsyncWorker, name), count) for name, count in HOOKS.items()),
        "Worker.handle_error": lambda: _takes(Worker.handle_error, 4),
        "Response": lambda: _sets(Response, OF_RESPONSE) and _takes(Response.write, 1)
                            and _takes(Response.default_headers, 0) and _takes(Response.force_close, 0),
        "Request": lambda: _sets(Request, OF_REQUEST) and _takes(Request.force_close, 0),
        "SocketUnreader": lambda: _sets(SocketUnreader, {"sock", "buf"}),
        "RequestParser.mesg_class": lambda: RequestParser.mesg_class is Request,
    },
    "its own worker serves, readers keep a greenlet or thread each, and slow senders are not ended.",
)

LOG_LINES = Internals(
    "gunicorn", gunicorn.version_info, TRIED,
    {"the log's words": lambda: STRANGERS in " ".join(map(str, Worker.handle_error.__code__.co_consts))},
    "whatever looks like an address is shortened in its warnings.",
)


# Answers


class Answer(Response):
    """gunicorn's answer, but head and body are sent together if the body is whole: two pieces wake a browser twice."""

    headers_sent: bool

    def head(self) -> bytes:
        """The head as gunicorn sends it."""
        lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers)]
        return f"{''.join(lines)}\r\n".encode("latin-1")

    def write(self, piece: bytes) -> None:
        """Send a piece of the body, the head before the first."""
        if self.headers_sent or not piece or self.response_length != len(piece):
            return super().write(piece)
        self.headers_sent = True
        self.sent = len(piece)
        self.sock.sendall(self.head() + piece)

    def end_with_connection(self) -> None:
        """Let the body end when the connection does: it has no length and no chunks."""
        self.force_close()
        self.chunked = False


def answer_of(start_response: Any) -> Any:
    """The `Response` whose method `start_response` is; None if it is another's, or gunicorn looks different inside."""
    answer = getattr(start_response, "__self__", None)
    return answer if INTERNALS.are_known() and type(answer) is Response else None


# Requests


class BoundedRequest(Request):
    """gunicorn's request, but its head is limited as a whole, not only in the number and size of its fields."""

    most_bytes = 64 * 1024  # gunicorn allows a megabyte, and searches all of it again with every byte that arrives

    @property
    def max_buffer_headers(self) -> int:
        """How many bytes the head may have."""
        return self._most_bytes

    @max_buffer_headers.setter
    def max_buffer_headers(self, most_bytes: int) -> None:
        self._most_bytes = min(most_bytes, self.most_bytes)


def bound_heads() -> None:
    """Have every request that is parsed from now on be a `BoundedRequest`."""
    if INTERNALS.are_known():
        RequestParser.mesg_class = BoundedRequest


class RequestBody:
    """The body of a request, as it can be read of its connection."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def read(self, size: int) -> bytes:
        """The next bytes, b"" at the end. Raises whatever gunicorn does where they are no HTTP."""
        piece: bytes = self._request.body.read(size)
        return piece

    def read_from(self, connection: Any) -> None:
        """Have all further bytes come from `connection`, which needs a `recv`."""
        self._request.unreader.sock = connection

    def end_connection(self) -> None:
        """Let the connection end with the answer to this request."""
        self._request.force_close()


def is_alone(request: Any) -> bool:
    """Whether nothing that came with the request would be lost with its parser."""
    return not request.proxy_protocol_info and not request.unreader.buf.getvalue()


def peer_of(request: Any) -> Any:
    """The address at the other end of the connection: host and port, or text for a Unix socket."""
    return request.peer_addr


def headers_of(request: Any, name: str) -> str:
    """All values of the header `name`, given in capitals, joined by commas."""
    return ",".join(value for each, value in request.headers if each == name)


def as_bytes(request: Any) -> bytes:
    """The request as it came, but for the spelling of the names; no line is longer, for gunicorn has limits."""
    major, minor = request.version
    lines = [f"{request.method} {request.uri} HTTP/{major}.{minor}", *(f"{n}:{v}" for n, v in request.headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
