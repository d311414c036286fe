"""The self-test: a page that tries what browser, host and network can do, and a clock for it to receive."""

from typing import Any

from flask import Blueprint, Response, render_template, request

from chat import __version__
from chat.core import sse, times
from chat.realtime import selftest_clock
from chat.realtime.streams import StreamBody
from chat.web import context, forms, identity
from chat.web.views import stream

# Headers by which intermediaries can be recognised.
PROXY_HEADERS = ("Via", "Forwarded", "X-Forwarded-For", "X-Real-IP", "CF-Ray", "X-Varnish", "X-Proxy-ID")

blueprint = Blueprint("selftest", __name__)


@blueprint.get("/selftest")
def page() -> Response:
    """The page of the self-test, for everybody."""
    answer = Response(render_template("selftest.html", seen=_seen()), mimetype="text/html")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _seen() -> dict[str, Any]:
    """What the server sees of this request, as far as it concerns the reader."""
    user = identity.who().user
    return {
        "name": user.name if user is not None else None,
        "browser": request.headers.get("User-Agent", ""),
        "address": request.remote_addr,
        "way": f"{request.scheme.upper()}, {request.environ.get('SERVER_PROTOCOL', '')}",
        "between": [name for name in PROXY_HEADERS if name in request.headers],
        "has_cookies": bool(request.cookies),
        "version": __version__,
        "time": times.now(),
        "is_full": not context.process().streams.has_place(identity.holders()),
    }


@blueprint.get("/selftest/stream")
def clock() -> Response:
    """A stream with a tick each second for `seconds`, for everybody; then an EventSource reconnects with its last id.

    ChatError `invalid` for parameters that are not whole numbers.
    """
    seconds = forms.whole_number("seconds", low=2, high=selftest_clock.SECONDS, default=selftest_clock.SECONDS)
    last_id = stream.cursor_asked()
    answer = stream.event_stream()
    if request.method != "HEAD":
        answer.response = _begin(last_id or 0, seconds or selftest_clock.SECONDS)
    return answer


def _begin(last_id: int, seconds: int) -> StreamBody | list[bytes]:
    streams = context.process().streams
    padding = sse.PADDING if stream.is_padded() else b""
    ticker = selftest_clock.Ticker(streams, last_id, seconds, identity.holders())
    if not ticker.take_place():
        return [padding + streams.mode()]
    return StreamBody(ticker, ticker.begun(padding), selftest_clock.TICK_SECONDS)
