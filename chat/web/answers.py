"""How an answer is given: JSON for programs, pages for people; errors in the same words for both."""

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
from chat.web import bounds, clock, context, i18n, identity, spellings
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
_ASKS_FIRST = {"sign_in": "auth.sign_in_form", "entry_word": "entry.form"}  # the page that a reader is sent to first
_again: dict[str, Again] = {}


def wants_json() -> bool:
    if identity.has_bearer() or request.endpoint in _JSON_BY_NATURE:
        return True
    return "application/json" in request.headers.get("Accept", "")


def json(value: object, status: int = 200) -> Response:
    return json_text(to_json(value), status)


def json_text(text: str | Iterable[bytes], status: int = 200) -> Response:
    return Response(text, status, {"Cache-Control": "no-store"}, content_type="application/json")


def done(value: object | None, page_url: str | Callable[[], str], status: int = 200) -> Response:
    """What follows a POST that worked: JSON, 204 where there is nothing to say; for people 303 to a page.

    What makes the page's address is called only where it is needed.
    """
    if not wants_json():
        return redirect(_uncached(page_url() if callable(page_url) else page_url), 303)  # type: ignore[return-value]
    return json(value, status) if value is not None else Response(status=204)


def _uncached(address: str) -> str:
    """The address; for Links one that it has not seen: left as it comes, it shows what it kept, whatever it is told."""
    if not request.headers.get("User-Agent", "").startswith("Links ("):
        return address
    path, mark, anchor = address.partition("#")
    return f"{path}{'&' if '?' in path else '?'}at={time.time_ns() // 1_000_000}{mark}{anchor}"


def shown_again(endpoint: str) -> Callable[[Again], Again]:
    """Register what shows a refused form again: called with the error and the arguments of the address."""

    def register(function: Again) -> Again:
        _again[endpoint] = function
        return function

    return register


def refused(error: ChatError) -> Response:
    """The answer to an error, in the form that was asked for."""
    if wants_json():
        answer = json({"error": as_wire(error)}, error.status)
    else:
        answer = _page(error)
    answer.headers["Cache-Control"] = "no-store"
    if error.retry_after_seconds:
        answer.headers["Retry-After"] = str(error.retry_after_seconds)
    return answer


_WIRED = ("reason", "until", "room")  # what an error says beside its sentence, for programs


def as_wire(error: ChatError) -> dict[str, Any]:
    wire = {"code": error.code, "message": in_words(error), "field": error.field}
    extra = {name: error.params[name] for name in _WIRED if name in error.params}
    return wire | extra


def in_words(error: ChatError) -> str:
    """The error's sentence in the reader's language, its times in the site's zone."""
    return gettext(error.message, **_params(error, clock.in_words))


def _in_html(error: ChatError) -> Markup:
    """The same for a page, whose script turns times into the reader's own."""
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
        except ChatError as another:  # what a reader is asked for before they are told whether there is such a room
            error = another
        except trouble.ERRORS:
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
        except ChatError as another:  # the form's own page is gone, too
            if error.code != "csrf":  # who sends no cookie is a stranger everywhere; the reason is what helps
                error = another
        except trouble.ERRORS:  # nor can it be drawn: the reason is enough
            identity.ask_nothing()
    return _error_page(error)


def _error_page(error: ChatError) -> Response:
    """The error alone, with the message that was typed, as far as a page can hold it."""
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
    """The message that was typed. Where no view was reached nobody has read the body yet, and it may be unreadable."""
    try:
        return request.form.get("body", "")
    except (ChatError, HTTPException):  # what was wrong first is what is answered
        return ""


def _to_resend(most_bytes: int) -> list[tuple[str, str]] | None:
    """The fields of a POST that can be sent again as it was, by one press; None where they are more bytes."""
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
_TELLING_HEADERS = ("Allow", "Content-Range")  # how it can be used, to whoever asks for what cannot be


def _unreachable(error: Exception) -> Response:
    trouble.complain(log, trouble.in_words(error, context.process().database))
    identity.ask_nothing()
    return refused(trouble.unreachable())


def register_errors(app: Any) -> None:
    """Answer every error in the contract's form."""

    @app.errorhandler(ChatError)
    def chat_error(error: ChatError) -> Response:
        return refused(error)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Any:
        if error.code is not None and error.code < 400:
            return error
        code, message = _HTTP_CODES.get(error.code or 500, _HTTP_CODES[400])
        answer = refused(ChatError(code, message))
        if answer.status_code >= 400:  # not where the address leads to the one that was meant
            answer.status_code = error.code or 500
        answer.headers.extend(header for header in error.get_headers() if header[0] in _TELLING_HEADERS)
        return answer

    @app.errorhandler(InDoubt)
    def in_doubt(error: InDoubt) -> Response:
        """Drop the connection without a status: the repeat, with the same client id, will be told how it ended."""
        connection = request.environ.get("gunicorn.socket")
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
        log.error("%s was left without an answer: %s", _asked(), error)
        return refused(ChatError("internal", _BROKEN))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        if trouble.is_of_file(error):
            return _unreachable(error)
        log.exception("%s failed", _asked())
        return refused(ChatError("internal", _BROKEN))


def _asked() -> str:
    """The request as the log may name it."""
    return log_lines.request_line(request.method, request.path)
