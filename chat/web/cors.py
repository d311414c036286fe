"""CORS: pages of the other origins that the operator has listed may read here.

https://fetch.spec.whatwg.org/#http-cors-protocol. It is only for reading: a POST from elsewhere is refused by
`csrf.check_post`, and the CSRF token that it would need is not given to other origins.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

from flask import Flask, Response, request

from chat.core.errors import N_, ChatError
from chat.web import context

_READABLE = re.compile(r"/(stream|poll|session|rooms/[^/]+/messages)")
METHODS = "GET, HEAD"
# Headers that need a preflight. EventSource itself sends none of them, but scripts that imitate it do.
HEADERS = "Last-Event-ID, Cache-Control, X-Requested-With"
EXPOSED = "Retry-After"
PREFLIGHT_SECONDS = 7200  # the longest that browsers keep it


class OtherOrigins:
    """WSGI middleware: adds the CORS headers to every answer at these addresses, whichever part of the app gives it.

    Also to errors, because a page that is refused must learn why.
    """

    def __init__(self, app: Any, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not _READABLE.fullmatch("/" + environ.get("PATH_INFO", "").lstrip("/")):  # as Flask takes it
            return self._app(environ, start_response)
        admission = self._admission(environ)

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            return start_response(status, _varied(headers) + admission, *exc_info)

        return self._app(environ, start)

    def _admission(self, environ: dict[str, Any]) -> list[tuple[str, str]]:
        origin = _other_origin(environ, self._allowed)
        if origin is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS"):
            return []
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", EXPOSED),
        ]


def _varied(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    vary = [value for name, value in headers if name.lower() == "vary"]
    others = [header for header in headers if header[0].lower() != "vary"]
    return [*others, ("Vary", ", ".join([*vary, "Origin"]))]


def surround(app: Flask) -> None:
    """Let the app answer preflights, before any view."""
    app.before_request(_preflight)


def reader() -> str | None:
    """The origin of the page that sends the request, if it is another one that may read here; else None."""
    return _other_origin(request.environ, context.lifecycle().config.allowed_origins)


def _other_origin(environ: dict[str, Any], allowed: Collection[str]) -> str | None:
    origin = environ.get("HTTP_ORIGIN")
    return origin if origin in allowed and origin != _own(environ) else None


def _own(environ: dict[str, Any]) -> str:
    scheme = environ["wsgi.url_scheme"]
    default_port = ":443" if scheme == "https" else ":80"
    return f"{scheme}://{environ.get('HTTP_HOST', '').removesuffix(default_port)}"


def _preflight() -> Response | None:
    """The answer to a preflight, None for any other request. Raises ChatError `forbidden` for an unlisted origin."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    if not _READABLE.fullmatch(request.path):
        return None
    if reader() is None:
        message = N_("Pages of this origin can't read here. The operator can add it to CHAT_ALLOWED_ORIGINS.")
        raise ChatError("forbidden", message)
    answer = Response(status=204)
    answer.headers["Access-Control-Allow-Methods"] = METHODS
    answer.headers["Access-Control-Allow-Headers"] = HEADERS
    answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return answer
