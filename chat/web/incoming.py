"""A request as it comes: its cookies, its body and the fields of its form, none read further than it is worth.

Whoever sends something has not been asked yet who they are, so nothing here takes long, whatever it is.
"""

import io
import re
from collections.abc import Mapping
from functools import cached_property
from typing import IO, Any, cast
from urllib.parse import unquote_to_bytes

from flask import Request, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.http import parse_cookie

from chat.core.errors import N_, ChatError

FIELDS = 100  # of a form; the largest of ours has some thirty
ESCAPES = 20_000  # of a form's bytes that are written as %41; the longest message has 16,000 if all of it is
BRACKETS = 10_000  # of a bot's JSON, which may be text
PART_HEAD_BYTES = 1024  # of one field of a multipart form
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_LINE_END = re.compile(rb"\r\n?")

_TOO_LARGE = N_("That's too large. Send something shorter.")
_NOT_UTF8 = N_("The text isn't UTF-8. Send it as UTF-8.")
_BROKEN = N_("The request was cut off or couldn't be understood. Send it again.")


def form() -> Mapping[str, str]:
    """The fields of the form. Raises ChatError `invalid` or `too_large` where it is not to be parsed."""
    asked = cast(IncomingRequest, request)
    if asked.form_error is not None:
        raise asked.form_error
    return asked.form


def json() -> Any:
    """What the body says as JSON; None where it says nothing so, or has lists without number. Raises RecursionError."""
    raw = request.get_data()
    return request.get_json(silent=True) if raw.count(b"[") + raw.count(b"{") <= BRACKETS else None


class IncomingRequest(Request):
    @cached_property
    def cookies(self) -> Any:
        """As Werkzeug's, which goes through all headers to find this one."""
        return parse_cookie(self.environ.get("HTTP_COOKIE"), cls=self.dict_storage_class)

    @cached_property
    def stream(self) -> IO[bytes]:
        return cast(IO[bytes], _Body(super().stream))

    @cached_property
    def form_error(self) -> ChatError | None:
        """Why the form is not to be parsed, found at a fraction of what that would cost."""
        if self.mimetype == MULTIPART:
            return _error_of_parts(self.get_data(), self.mimetype_params.get("boundary", ""))
        raw = self.get_data()
        if self.mimetype == URLENCODED:
            if raw.count(b"&") >= FIELDS or raw.count(b"%") > ESCAPES:
                return ChatError("too_large", _TOO_LARGE)
            raw = unquote_to_bytes(raw)
        return None if _is_utf8(raw) else ChatError("invalid", _NOT_UTF8)

    def _load_form_data(self) -> None:
        """As Werkzeug's; a form that is not to be parsed has no fields, also for the page that says so."""
        if "form" not in self.__dict__ and self.form_error is not None:
            self.__dict__.update(form=ImmutableMultiDict(), files=ImmutableMultiDict())
        super()._load_form_data()


def _error_of_parts(raw: bytes, boundary: str) -> ChatError | None:
    """What is wrong with a multipart form: its parser takes long over parts, their heads, and what is before them."""
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
    """The body; what a server finds wrong with it, such as a malformed chunk, is the client's mistake and told so."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:
            self._stream = io.BytesIO()  # the page that says so looks for what was typed
            if isinstance(error, (ChatError, HTTPException)):
                raise
            raise ChatError("invalid", _BROKEN) from None
