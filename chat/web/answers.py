"""The format of answers: JSON for programs, pages for people, errors in the same words for both."""

import logging
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException

from chat.core import log_lines
from chat.core.errors import N_, ChatError
from chat.core.wire import to_json
from chat.store import InDoubt, trouble
from chat.web import bounds, clock, i18n, identity, spellings
from chat.web.i18n import gettext

log = logging.getLogger(__name__)

Again = Callable[..., Any]

_JSON_BY_NATURE = {
    "auth.session",
    "messages.index",
    "rooms.people",
    "stream.poll",
    "stream.stream",
    "selftest.clock",
    "health.healthz",
}
_ASKS_FIRST = {"sign_in": "auth.sign_in_form", "entry_word": "entry.form"}  # the page to which a reader is redirected
_again: dict[str, Again] = {}


def wants_json() -> bool:
    """Whether the answer is JSON: with a Bearer key or `Accept: application/json`, and where there is no page."""
    if identity.has_bearer() or request.endpoint in _JSON_BY_NATURE:
        return True
    return "application/json" in request.headers.get("Accept", "")


def json(value: object, status: int = 200) -> Response:
    """The value as an answer that nobody stores."""
    return json_text(to_json(value), status)


def json_text(text: str | Iterable[bytes], status: int = 200) -> Response:
    """The same for a value that is JSON already, as text or as pieces that are sent one by one."""
    return Response(text, status, {"Cache-Control": "no-store"}, content_type="application/json")


def done(value: object | None, page_url: str | Callable[[], str], status: int = 200) -> Response:
    """The answer to a successful POST: the value as JSON, or 204 without one; for people 303 to `page_url`.

    A function `page_url` is called only if the address is needed.
    """
    if not wants_json():
        return redirect(_uncached(page_url() if callable(page_url) else page_url), 303)  # type: ignore[return-value]
    return json(value, status) if value is not None else Response(status=204)


def _uncached(address: str) -> str:
    """The address; for the browser Links a new one each time, because it shows its cached copy by default."""
    if not request.headers.get("User-Agent", "").startswith("Links ("):
        return address
    path, mark, anchor = address.partition("#")
    return f"{path}{'&' if '?' in path else '?'}at={time.time_ns() // 1_000_000}{mark}{anchor}"


def shown_again(endpoint: str) -> Callable[[Again], Again]:
    """Register the function that shows the refused form of this endpoint again.

    It is called with `error` (`message`, `field`, `retry_after_seconds`, `room`) and the arguments of the address.
    """

    def register(function: Again) -> Again:
        _again[endpoint] = function
        return function

    return register


def refused(error: ChatError) -> Response:
    """The answer to an error, as JSON or as a page."""
    if wants_json():
        answer = json({"error": as_wire(error)}, error.status)
    else:
        answer = _page(error)
    answer.headers["Cache-Control"] = "no-store"
    if error.retry_after_seconds:
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
    return answer


_WIRED = ("reason", "until", "room")  # parameters of an error that programs get, too


def as_wire(error: ChatError) -> dict[str, Any]:
    """The error as JSON has it: `code`, `message`, `field`, and `reason`, `until` or `room` if it has them."""
    wire = {"code": error.code, "message": in_words(error), "field": error.field}
    extra = {name: error.params[name] for name in _WIRED if name in error.params}
    return wire | extra


def in_words(error: ChatError) -> str:
    """The error's sentence in the site's language, with times in the site's zone."""
    return gettext(error.message, **_params(error, clock.in_words))


def _in_html(error: ChatError) -> Markup:
    """The same for a page, whose script converts times to the reader's zone."""
    return escape(gettext(error.message)) % i18n.apart(_params(error, clock.element))


def _params(error: ChatError, tell_time: Callable[[str], str]) -> dict[str, object]:
    params: dict[str, object] = dict(error.params, field=error.field)
    until = params.get("until")
    if isinstance(until, str):
        params["until"] = tell_time(until)
    return params


def _page(error: ChatError) -> Response:
    if error.code in ("not_found", "method"):
        try:
            meant = spellings.right_address(_JSON_BY_NATURE)
            if meant is not None:
                return meant
        except ChatError as another:  # what a reader must do before they may learn whether there is such a room
            error = another
        except trouble.DatabaseError:
            identity.ask_nothing()
    again = _again.get(request.endpoint or "")
    if error.code in _ASKS_FIRST and request.method == "GET":
        here = request.script_root + request.full_path.removesuffix("?")
        return redirect(url_for(_ASKS_FIRST[error.code], next=here), 303)  # type: ignore[return-value]
    if again and error.code not in ("internal", "too_large"):
        try:
            shown = {
                "message": _in_html(error),
                "field": error.field,
                "retry_after_seconds": error.retry_after_seconds,
                "room": error.params.get("room"),
            }
            page = make_response(again(error=shown, **(request.view_args or {})), error.status)
            if len(page.get_data()) <= bounds.ANSWER_BYTES:
                return page
        except ChatError as another:  # the page of the form is refused, too
            if error.code != "csrf":  # without cookies every page is refused, so only this reason helps
                error = another
        except trouble.DatabaseError:  # it cannot be rendered either: the reason is enough
            identity.ask_nothing()
    return _error_page(error)


def _error_page(error: ChatError) -> Response:
    """A page with only the error and as much of the typed message as fits."""
    draft = "" if error.code == "too_large" else bounds.cut(_typed(), bounds.DRAFT_BYTES)
    left_bytes = bounds.DRAFT_BYTES - bounds.drawn(0, draft)
    page = render_template(
        "error.html",
        status=error.status,
        code=error.code,
        message=_in_html(error),
        reason=error.params.get("reason"),
        draft=draft,
        retry_after=error.retry_after_seconds,
        resend=_to_resend(left_bytes) if error.retry_after_seconds else None,
    )
    return make_response(page, error.status)


def _typed() -> str:
    """The message that was typed. If no view was reached, nobody has read the body yet, and it may be unreadable."""
    try:
        return request.form.get("body", "")
    except (ChatError, HTTPException):  # the first error is the one to answer
        return ""


def _to_resend(most_bytes: int) -> list[tuple[str, str]] | None:
    """The fields of a POST for a button that sends it again, or None if they take more bytes than that."""
    if request.method != "POST":
        return None
    fields = [(name, value) for name, value in request.form.items(multi=True) if name != "again"]
    return fields if bounds.drawn(0, *(text for field in fields for text in field)) <= most_bytes else None


_BROKEN = N_("The problem is on our side, and what you sent may be lost. Go back and try again.")
_HTTP_CODES: Mapping[int, tuple[str, str]] = {
    400: ("invalid", N_("The request couldn't be understood. Check the address, or go back and try again.")),
    404: ("not_found", N_("There's nothing at this address. See all rooms on the home page.")),
    405: ("method", N_("This address can't be used that way. Go back and use the page's own buttons.")),
    413: ("too_large", N_("That's too large. Send something shorter.")),
}
_TELLING_HEADERS = ("Allow", "Content-Range")  # kept of an error: what would have been possible instead


def register_errors(app: Any) -> None:
    """Let the app answer every error in the contract's form."""

    @app.errorhandler(ChatError)
    def chat_error(error: ChatError) -> Response:
        return refused(error)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Any:
        if error.code is not None and error.code < 400:
            return error
        code, message = _HTTP_CODES.get(error.code or 500, _HTTP_CODES[400])
        answer = refused(ChatError(code, message))
        if answer.status_code >= 400:  # not for a redirect to the address that was meant
            answer.status_code = error.code or 500
        answer.headers.extend(header for header in error.get_headers() if header[0] in _TELLING_HEADERS)
        return answer

    @app.errorhandler(InDoubt)
    def in_doubt(error: InDoubt) -> Response:
        """Close the connection without a status: repeating the POST with its client id tells whether it was saved."""
        connection = request.environ.get("gunicorn.socket")
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
        log.error("%s was left without an answer: %s", _asked(), error)
        return refused(ChatError("internal", _BROKEN))

    @app.errorhandler(trouble.Unavailable)
    def unavailable(error: trouble.Unavailable) -> Response:
        trouble.complain(log, error.words)
        identity.ask_nothing()
        return refused(trouble.unreachable())

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("%s failed", _asked())
        return refused(ChatError("internal", _BROKEN))


def _asked() -> str:
    """The request line, as far as it may be logged."""
    return log_lines.request_line(request.method, request.path)
