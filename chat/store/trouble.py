"""What SQLite says of a file or disk that fails, in one sentence for whoever runs the chat."""

import logging
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from chat.core.errors import N_, ChatError

ERRORS = (DBAPIError, sqlite3.Error)
OF_STATEMENTS = re.compile(r"no such |near |table |ambiguous |incomplete ")  # our own faults, or altered tables
RETRY_SECONDS = 10  # it takes a person to mend that
SILENT_SECONDS = 60.0
SAID_MAX = 100

_said: dict[str, float] = {}


def is_of_file(error: BaseException) -> bool:
    """Whether it is the file or the disk that fails, rather than a statement of ours."""
    cause = getattr(error, "orig", error)
    return type(cause) in (sqlite3.DatabaseError, sqlite3.OperationalError) and not OF_STATEMENTS.match(str(cause))


def in_words(error: BaseException, path: Path) -> str:
    """What is wrong with the database `path`, and what to do."""
    cause = str(getattr(error, "orig", error))
    if "not a database" in cause or "malformed" in cause:
        what = "is damaged"
        advice = "stop the chat and restore a backup, as docs/operating.md says under “Back up and restore”"
    elif path.is_dir():
        what, advice = "is a folder", "move it away, or set CHAT_INSTANCE"
    elif not path.exists():
        what, advice = "is missing", "restore a backup, or create an empty one with: longwave upgrade"
    elif not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        what, advice = "can't be used by this user", "give it and its folder back to the user who runs the chat"
    elif OF_STATEMENTS.match(cause):
        what, advice = "isn't a Longwave database", "set CHAT_INSTANCE to another folder, or restore a backup"
    else:
        what, advice = "can't be used now", "look for the cause, such as a full disk or another program, and try again"
    return f"The database {path} {what} ({cause}): {advice}."


def unreachable() -> ChatError:
    """What is told to whoever asks."""
    message = N_("The chat can't read its data right now. Try again in a moment.")
    return ChatError("busy", message, retry_after_seconds=RETRY_SECONDS)


@contextmanager
def told(log: logging.Logger, path: Path) -> Iterator[None]:
    """Log such an error in one sentence, and raise `unreachable` instead."""
    try:
        yield
    except ERRORS as error:
        if not is_of_file(error):
            raise
        complain(log, in_words(error, path))
        raise unreachable() from error


def complain(log: logging.Logger, words: str) -> None:
    """Log an error, the same words once a minute."""
    now = time.monotonic()
    if now - _said.get(words, float("-inf")) < SILENT_SECONDS:
        return
    if len(_said) >= SAID_MAX:
        _said.clear()
    _said[words] = now
    log.error("%s", words)
