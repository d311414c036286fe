"""Errors whose messages tell a person what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

STATUS = {
    "invalid": 400,
    "csrf": 400,
    "sign_in": 401,
    "entry_word": 401,
    "forbidden": 403,
    "banned": 403,
    "muted": 403,
    "not_found": 404,
    "method": 405,
    "too_slow": 408,
    "name_taken": 409,
    "too_long": 413,
    "too_large": 413,
    "slow_down": 429,
    "internal": 500,
    "busy": 503,
}
"""The HTTP status of every code in the wire contract (docs/protocol.md, section 1)."""


class ChatError(Exception):
    """A refusal, which is answered as a page, as JSON or as an event, always with the same sentence.

    `message` is an English sentence and its own id in the catalogue; its `%(name)s` are filled from
    `params`, which may hold more than the sentence uses (a ban's `reason` and `until`).
    `field` is the form field that it is about. Raises KeyError for a code outside the contract.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        retry_after_seconds: int | None = None,
        **params: object,
    ) -> None:
        super().__init__(message % {"field": field, **params})
        self.status = STATUS[code]
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_seconds = retry_after_seconds
        self.params = params


class ConfigError(Exception):
    """A setting that stops the start: one sentence with its name, its value and what is allowed."""


def N_(message: str) -> str:
    """Mark a sentence for the catalogue; it is translated later, where it is shown."""
    return message


class Sentence(NamedTuple):
    """A text of the catalogue with its parameters; `str` fills them in, in English."""

    text: str
    params: Mapping[str, object]

    def __str__(self) -> str:
        return self.text % self.params
