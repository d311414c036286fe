"""The words of the interface and the forms of dates, in the site's language; Babel is loaded by the first of them.

A request under CGI pays for everything that its process loads, and most polls say no word.
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
    """The text in the site's language, with the values of its names, none of which turns the words around it."""
    return singular(text) % apart(params) if params else singular(text)


def apart(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a text's names, each isolated."""
    return {name: isolated(value) if isinstance(value, str) else value for name, value in values.items()}


def isolated(text: str) -> str:
    """The text set apart where no markup can do that, if it runs from right to left or may turn what follows it."""
    turns = not text.isascii() and any(unicodedata.bidirectional(character) in _TURNING for character in text)
    return "\u2068" + text + "\u2069" if turns else text  # joined so, Markup stays Markup


@lru_cache(WORDS)
def singular(text: str) -> str:
    """The text in the site's language, nothing put into it yet."""
    return str(_babel().get_translations().ugettext(text))


@lru_cache(WORDS)
def plural(one: str, many: str, count: int) -> str:
    return str(_babel().get_translations().ungettext(one, many, count))


def forget() -> None:
    """Look every text up anew, for an app in another language."""
    singular.cache_clear()
    plural.cache_clear()


def format_date(day: date, form: str) -> str:
    return str(_babel().format_date(day, form))


def format_datetime(moment: datetime, form: str) -> str:
    """A moment that is in the site's time zone already."""
    return str(_babel().format_datetime(moment, form, rebase=False))


def _babel() -> Any:
    import flask_babel  # late, see above

    app: Any = current_app
    if "babel" not in app.extensions:
        with _lock:
            if "babel" not in app.extensions:
                flask_babel.Babel(app._get_current_object(), configure_jinja=False)
    return flask_babel
