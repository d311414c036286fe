"""What SQLite's errors mean."""

import os
import re
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from chat.store.engine import Diagnosis

_OF_STATEMENTS = re.compile(r"no such |near |table |ambiguous |incomplete ")  # our own faults, or altered tables


def classify(error: BaseException, path: Path) -> Diagnosis | None:
    """What an error means that was raised over the database `path`; None where it is not SQLite's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.Error):
        return None
    # What is of a class below these is of statements: IntegrityError, ProgrammingError and so on.
    is_of_file = type(cause) in (sqlite3.DatabaseError, sqlite3.OperationalError)
    return Diagnosis(not is_of_file or bool(_OF_STATEMENTS.match(str(cause))), _in_words(str(cause), path))


def _in_words(cause: str, path: Path) -> str:
    if "not a database" in cause or "malformed" in cause:
        what = "is damaged"
        advice = "stop the chat and restore a backup, as docs/operating.md says under “Back up and restore”"
    elif path.is_dir():
        what, advice = "is a folder", "move it away, or set CHAT_INSTANCE"
    elif not path.exists():
        what, advice = "is missing", "restore a backup, or create an empty one with: longwave upgrade"
    elif not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        what, advice = "can't be used by this user", "give it and its folder back to the user who runs the chat"
    elif _OF_STATEMENTS.match(cause):
        what, advice = "isn't a Longwave database", "set CHAT_INSTANCE to another folder, or restore a backup"
    else:
        what, advice = "can't be used now", "look for the cause, such as a full disk or another program, and try again"
    return f"The database {path} {what} ({cause}): {advice}."
