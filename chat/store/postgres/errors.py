"""What PostgreSQL's errors mean."""

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests
from sqlalchemy.exc import DBAPIError

from chat.store.engine import Diagnosis

# The classes of SQLSTATE that may pass by themselves (Appendix A of PostgreSQL's manual): connections, what a server
# that has not enough of something says, what an administrator did, locks, and a leader that is one no more.
PASSING = ("08", "53", "55", "57", "58", "25006", "25P03", "40", "XX")
UNDONE = ("23", "40")  # a commit that failed so is not in the database
DISK_IS_FULL, TOO_MANY = "53100", "53300"


def is_of_connection(error: BaseException) -> bool:
    """Whether the connection is lost, rather than that a statement on it has failed."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(("08", "57P"))


def may_be_committed(error: BaseException) -> bool:
    """Whether nobody can say what has become of a transaction, the commit of which has raised this."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return not (isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith(UNDONE))


def classify(error: BaseException, name: str) -> Diagnosis | None:
    """What an error means that was raised over the database `name`; None where it is not the driver's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, PoolTimeout | PoolClosed | TooManyRequests):
        return Diagnosis(False, f"The {name} did not answer in time ({cause}): look whether it is there, and how busy.")
    if not isinstance(cause, psycopg.Error):
        return None
    state = cause.sqlstate
    # Without a state it is a connection that could not be made, or was lost.
    is_fault = not state.startswith(PASSING) if state else not isinstance(cause, psycopg.OperationalError)
    return Diagnosis(is_fault, _in_words(cause, state, is_fault, name))


def _in_words(cause: psycopg.Error, state: str | None, is_fault: bool, name: str) -> str:
    said = str(cause).strip().split("\n", 1)[0]
    if state == DISK_IS_FULL:
        what, advice = "has a full disk", "make room there"
    elif state == TOO_MANY:
        what, advice = "takes no more connections", "raise its max_connections, or lower CHAT_DATABASE_CONNECTIONS"
    elif is_fault:
        what, advice = "isn't as Longwave needs it", "look at the message, and run: longwave upgrade"
    else:
        what, advice = "can't be used now", "look whether it is there, and at what it has logged"
    return f"The {name} {what} ({said}): {advice}."
