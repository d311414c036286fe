"""What is no HTTP, or too much of it, never reaches the app: gunicorn answers it, here in our words."""

import html
from http import HTTPStatus
from typing import Any

from gunicorn.workers.base import Worker

from chat.server import gunicorn_internals

HEADERS = (
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: same-origin",
    "Cache-Control: no-store",
)
# Only the app knows the site's language; these are for broken programs, and for browsers with too many cookies.
WORDS = {
    414: "This address is too long. Go back and use the page's own links.",
    431: "Your browser sent too much at once, most likely cookies of other programs on this host. "
         "Delete its cookies for this site, then try again.",
    500: "The problem is on our side, and what you sent may be lost. Go back and try again.",
}
OTHERWISE = "The request couldn't be understood. Check the address, or go back and try again."


class ProtocolErrors(Worker):
    """A gunicorn worker that answers its own errors like the app's: with a sentence and protective headers."""

    def handle_error(self, *about: Any) -> None:
        """Answer a request that gunicorn could not parse, or the app not answer; the connection ends."""
        if gunicorn_internals.INTERNALS.are_known():
            request, client, address, error = about
            about = request, _Reworded(client), address, error
        super().handle_error(*about)


gunicorn_internals.bound_heads()


class _Reworded:
    """The connection as gunicorn uses it to send an error; gunicorn's bare page is replaced by ours."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def sendall(self, bare: bytes) -> None:
        """Send our page with the status of gunicorn's, which is `bare`."""
        self._connection.sendall(answer(int(bare.split(b" ", 2)[1])))


def answer(status: int) -> bytes:
    """The whole HTTP response for an error with this status."""
    title = html.escape(f"{status} {HTTPStatus(status).phrase}")
    words = html.escape(WORDS.get(status, OTHERWISE))
    page = f'<!DOCTYPE html>\n<html lang="en">\n<title>{title}</title>\n<h1>{title}</h1>\n<p>{words}</p>\n</html>\n'
    body = page.encode()
    head = (f"HTTP/1.1 {title}", "Connection: close", "Content-Type: text/html; charset=utf-8",
            f"Content-Length: {len(body)}", *HEADERS, "", "")
    return "\r\n".join(head).encode() + body
