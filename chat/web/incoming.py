"""A request as it arrives: its cookies, its body and the fields of its form, none parsed further than is cheap.

The sender is not authenticated yet, so nothing here may take long, whatever is sent.
"""

import io
import re
from collections.abc import Mapping
from functools import cached_property
from typing import IO, Any, cast
from urllib.parse import unquote_to_bytes

from flask import Request, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_cookie

from chat.core.errors import N_, ChatError
from chat.core.validation import BODY_MAX

FIELDS = 100  # of a form; the largest of ours has about thirty
ESCAPES = 5 * BODY_MAX  # bytes of a form that are written as %41; a character has four at most, and other fields some
BRACKETS = 10_000  # in a bot's JSON; they may be part of texts
PART_HEAD_BYTES = 1024  # of one field of a multipart form
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_LINE_END = re.compile(rb"\r\n?")

_TOO_LARGE = N_("That's too large. Send something shorter.")
_NOT_UTF8 = N_("The text isn't UTF-8. Send it as UTF-8.")
_BROKEN = N_("The request was cut off or couldn't be understood. Send it again.")


def form() -> Mapping[str, str]:
    """The fields of the form. Raises ChatError `invalid` or `too_large` if it must not be parsed."""
    asked = cast(IncomingRequest, request)
    if asked.form_error is not None:
        raise asked.form_error
    return asked.form


def json() -> Any:
    """The body as JSON; None if it is none or has more than `BRACKETS`. Raises RecursionError if nested too deeply."""
    raw = request.get_data()
    return request.get_json(silent=True) if raw.count(b"[") + raw.count(b"{") <= BRACKETS else None


class IncomingRequest(Request):
    """Flask's request with a cheaper look at cookies, and forms that are checked before they are parsed."""

    @cached_property
    def cookies(self) -> Any:
        """As in Werkzeug, which goes through all headers to find this one; what is not ASCII is never ours."""
        header = self.environ.get("HTTP_COOKIE", "").encode("ascii", "replace").decode()
        return parse_cookie(header, cls=self.dict_storage_class)

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body; reading a malformed one raises ChatError `invalid`."""
        return cast(IO[bytes], _Body(super().stream))

    @cached_property
    def form_error(self) -> ChatError | None:
        """Why the form must not be parsed, or None; found at a fraction of the cost of parsing."""
        if self.mimetype == MULTIPART:
            return _error_of_parts(self.get_data(), self.mimetype_params.get("boundary", ""))
        raw = self.get_data()
        if self.mimetype == URLENCODED:
            if raw.count(b"&") >= FIELDS or raw.count(b"%") > ESCAPES:
                return ChatError("too_large", _TOO_LARGE)
            raw = unquote_to_bytes(raw)
        return None if _is_utf8(raw) else ChatError("invalid", _NOT_UTF8)

    @property
    def want_form_data_parsed(self) -> bool:
        """As in Werkzeug, but a form that must not be parsed has no fields, also for the page that says so."""
        return super().want_form_data_parsed and self.form_error is None


def _error_of_parts(raw: bytes, boundary: str) -> ChatError | None:
    """What is wrong with a multipart form, whose parser is slow with many parts, long headers and a preamble."""
    lines = _LINE_END.sub(b"\n", raw)
    before, *parts = (b"\n" + lines).split(b"\n--" + boundary.encode())
    if len(parts) > FIELDS:
        return ChatError("too_large", _TOO_LARGE)
    if before or any(part.find(b"\n\n", 0, PART_HEAD_BYTES) < 0 for part in parts[:-1]):
        return ChatError("invalid", _BROKEN)
    return None if _is_utf8(raw) else ChatError("invalid", _NOT_UTF8)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Body:
    """The body; an error of the server while reading it, such as a malformed chunk, is the client's: `invalid`."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:
            self._stream = io.BytesIO()  # the error's page looks for what was typed
            if isinstance(error, (ChatError, HTTPException)):
                raise
            raise ChatError("invalid", _BROKEN) from None
