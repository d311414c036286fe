"""Pages of other origins that may read along: CORS, for the origins that the operator has listed.

https://fetch.spec.whatwg.org/#http-cors-protocol. It is for reading alone: a POST from elsewhere is refused by
`identity.check_post`, and what one would need for it, the CSRF token, is not told to other origins.
"""

import re

from flask import Flask, Response, request

from chat import identity
from chat.errors import N_, ChatError

_READABLE = re.compile(r"/(stream|poll|session|rooms/[^/]+/messages)")
METHODS = "GET, HEAD"
# What readers send that browsers ask about first: EventSource itself never does, scripts that imitate it do.
HEADERS = "Last-Event-ID, Cache-Control, X-Requested-With"
EXPOSED = "Retry-After"
PREFLIGHT_SECONDS = 7200  # the longest that browsers keep it


def surround(app: Flask) -> None:
    """Let every request be asked about, and every answer at these addresses say where it may be read."""
    app.before_request(_preflight)
    app.after_request(_admit)


def reader() -> str | None:
    """The other origin whose page asks and may read; None where no page of another origin does."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in identity.parts().config.allowed_origins or origin == _own():
        return None
    return origin


def _own() -> str:
    return f"{request.scheme}://{request.host}"


def _preflight() -> Response | None:
    """What a browser asks before it sends headers of a script's own."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    if not _READABLE.fullmatch(request.path):
        return None
    if reader() is None:
        message = N_("Pages of this origin may not read here. The operator can list it in CHAT_ALLOWED_ORIGINS.")
        raise ChatError("forbidden", message)
    answer = Response(status=204)
    answer.headers["Access-Control-Allow-Methods"] = METHODS
    answer.headers["Access-Control-Allow-Headers"] = HEADERS
    answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return answer


def _admit(answer: Response) -> Response:
    """Errors, too: a page that is refused must learn why."""
    if not _READABLE.fullmatch(request.path):
        return answer
    answer.vary.add("Origin")
    origin = reader() if request.method in ("GET", "HEAD", "OPTIONS") else None
    if origin is not None:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Credentials"] = "true"
        answer.headers["Access-Control-Expose-Headers"] = EXPOSED
    return answer
