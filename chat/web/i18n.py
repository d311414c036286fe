"""The interface's texts and dates in the site's language; Babel is imported when the first of them is needed.

A request under CGI pays for everything that its process imports, and most polls need no text.
"""

import threading
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from flask import current_app

WORDS = 1024
_TURNING = {"R", "AL", "LRE", "RLE", "LRO", "RLO", "LRI", "RLI", "FSI"}

_lock = threading.Lock()


def gettext(text: str, **params: object) -> str:
    """The text in the site's language with its parameters filled in, none of which turns the text around it."""
    return singular(text) % apart(params) if params else singular(text)


def apart(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a text, each isolated."""
    return {name: isolated(value) if isinstance(value, str) else value for name, value in values.items()}


def isolated(text: str) -> str:
    """The text in directional isolates if it is right-to-left or may reorder what follows; for use without markup."""
    turns = not text.isascii() and any(unicodedata.bidirectional(character) in _TURNING for character in text)
    return "\u2068" + text + "\u2069" if turns else text  # with the operator +, Markup stays Markup


@lru_cache(WORDS)
def singular(text: str) -> str:
    """The text in the site's language, its parameters not filled in."""
    return str(_babel().get_translations().ugettext(text))


@lru_cache(WORDS)
def plural(one: str, many: str, count: int) -> str:
    """The form for this count in the site's language, its parameters not filled in."""
    return str(_babel().get_translations().ungettext(one, many, count))


def forget() -> None:
    """Forget all texts, for an app in another language."""
    singular.cache_clear()
    plural.cache_clear()


def format_date(day: date, form: str) -> str:
    """The day in the site's language; `form` is a pattern of Unicode CLDR, as in `format_datetime`."""
    return str(_babel().format_date(day, form))


def format_datetime(moment: datetime, form: str) -> str:
    """A time in the site's language; it must already be in the site's zone."""
    return str(_babel().format_datetime(moment, form, rebase=False))


def _babel() -> Any:
    import flask_babel  # late, see above

    app: Any = current_app
    if "babel" not in app.extensions:
        with _lock:
            if "babel" not in app.extensions:
                flask_babel.Babel(app._get_current_object(), configure_jinja=False)
    return flask_babel
