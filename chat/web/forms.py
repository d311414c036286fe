"""The input of a request: form fields, a bot's JSON, query parameters. Strictly UTF-8; nothing is replaced silently."""

import re
from collections.abc import Mapping
from typing import Any

from flask import request

from chat.core.errors import N_, ChatError
from chat.core.wire import CURSOR_MAX
from chat.web import identity, incoming, spellings

DIGITS = re.compile("[0-9]{1,20}")
ID = f"int(max={CURSOR_MAX})"  # in a route: a number that fits into the database


def posted() -> Mapping[str, Any]:
    """The fields of a POST, of a form or of a bot's JSON; values of JSON have any type.

    Raises ChatError `invalid` if they are not UTF-8 or the JSON is not an object, and `too_large` for too large a form.
    """
    if not identity.has_bearer() or not request.is_json:
        return incoming.form()
    try:
        fields = incoming.json()
    except RecursionError:
        fields = None
    if not isinstance(fields, dict):
        raise ChatError("invalid", N_("The body must be a JSON object in UTF-8."))
    return fields


def whole_number(
    name: str,
    *,
    low: int = 0,
    high: int = CURSOR_MAX,
    default: int | None = None,
    of: Mapping[str, Any] | None = None,
) -> int | None:
    """A query parameter, or a field `of` a form, as a whole number from `low` to `high`; `default` if it is missing.

    Raises ChatError `invalid` for anything else.
    """
    value = (request.args if of is None else of).get(name)
    if value is None:
        return default
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not DIGITS.fullmatch(text) or not low <= int(text) <= high:
        message = N_("“%(field)s” must be a whole number from %(low)d to %(high)d.")
        raise ChatError("invalid", message, field=name, low=low, high=high)
    return int(text)


def code() -> str:
    """The code of a one-time link, without characters that chat programs append to links; empty if there is none."""
    return spellings.unglued(request.values.get("code", ""))


def local_path(path: str | None) -> str | None:
    """The path, if it is one of this site; None for anything that would lead elsewhere."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable():
        return None
    return path
