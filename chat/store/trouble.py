"""A database that can't be used: how the rest of the program hears of it, and how it is logged."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from sqlalchemy.engine import Connection

from chat.core.errors import N_, ChatError
from chat.store.engine import Engine

log = logging.getLogger(__name__)

RETRY_SECONDS = 10  # it takes a person to mend that
SILENT_SECONDS = 60.0
LOGGED_MAX = 100

_logged: dict[str, float] = {}


class DatabaseError(Exception):
    """What a driver has raised, which is the cause: a statement is wrong, or the tables were altered.

    `words` say what is wrong and what to do, to whoever runs the chat.
    """

    def __init__(self, message: str, words: str) -> None:
        super().__init__(message)
        self.words = words


class Unavailable(DatabaseError):
    """The database can't be used now, whatever is asked of it: the file, the disk or the server fails."""


def discard(connection: Connection | None) -> None:
    """Close a connection that may be in any state, without giving it back. Never raises."""
    try:
        if connection is not None:
            connection.invalidate()
            connection.close()
    except Exception as error:
        log.warning("could not close a connection to the database: %s", error)


def reraise(error: BaseException, engine: Engine) -> NoReturn:
    """Raise DatabaseError or Unavailable from what the driver raised, and any other error as it is."""
    diagnosis = engine.classify(error)
    if diagnosis is None:
        raise error
    kind = DatabaseError if diagnosis.is_fault else Unavailable
    raise kind(str(error.args[0]), diagnosis.words) from error


def unreachable() -> ChatError:
    """What is told to whoever asks."""
    message = N_("The chat can't read its data right now. Try again in a moment.")
    return ChatError("busy", message, retry_after_seconds=RETRY_SECONDS)


@contextmanager
def refusing(log: logging.Logger) -> Iterator[None]:
    """Log that the database is unavailable in one sentence, and raise `unreachable` instead."""
    try:
        yield
    except Unavailable as error:
        complain(log, error.words)
        raise unreachable() from error


def complain(log: logging.Logger, words: str) -> None:
    """Log an error, the same words once a minute."""
    now = time.monotonic()
    if now - _logged.get(words, float("-inf")) < SILENT_SECONDS:
        return
    if len(_logged) >= LOGGED_MAX:
        _logged.clear()
    _logged[words] = now
    log.error("%s", words)
