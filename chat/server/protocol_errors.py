"""What is no HTTP, or too much of it, never reaches the app: gunicorn answers it, and here it does so in our words."""

import html
from http import HTTPStatus
from typing import Any

from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers.base import Worker

HEAD_BYTES = 64 * 1024  # gunicorn would have a megabyte, and look through all of it with every byte that comes

HEADERS = (
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: same-origin",
    "Cache-Control: no-store",
)
# The site's language is known to the app alone; these are for browsers and programs that something else has spoilt.
WORDS = {
    414: "This address is too long. Go back and use the page's own links.",
    431: "Your browser sent too much at once, most likely cookies of other programs on this host. "
         "Delete its cookies for this site, then try again.",
    500: "The problem is on our side, and what you sent may be lost. Go back and try again.",
}
OTHERWISE = "The request couldn't be understood. Check the address, or go back and try again."


class ProtocolErrors(Worker):
    """A gunicorn worker whose own errors are answered as the app's are: a sentence, and the headers that protect it."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        super().handle_error(req, _Reworded(client), addr, exc)


class BoundedRequest(Request):
    """gunicorn's request, but its head is bounded as a whole, not only in the number and the size of its fields."""

    @property
    def max_buffer_headers(self) -> int:
        return self._most_bytes

    @max_buffer_headers.setter
    def max_buffer_headers(self, most_bytes: int) -> None:
        self._most_bytes = min(most_bytes, HEAD_BYTES)


RequestParser.mesg_class = BoundedRequest


class _Reworded:
    """The connection as gunicorn needs it to send an error; what it sends is its own bare page, and is replaced."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def sendall(self, bare: bytes) -> None:
        self._connection.sendall(answer(int(bare.split(b" ", 2)[1])))


def answer(status: int) -> bytes:
    """The whole answer: read by people as by programs, which look at its status."""
    title = html.escape(f"{status} {HTTPStatus(status).phrase}")
    words = html.escape(WORDS.get(status, OTHERWISE))
    page = f'<!DOCTYPE html>\n<html lang="en">\n<title>{title}</title>\n<h1>{title}</h1>\n<p>{words}</p>\n</html>\n'
    body = page.encode()
    head = (f"HTTP/1.1 {title}", "Connection: close", "Content-Type: text/html; charset=utf-8",
            f"Content-Length: {len(body)}", *HEADERS, "", "")
    return "\r\n".join(head).encode() + body
