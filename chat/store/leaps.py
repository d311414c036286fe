"""The facts `clock_…`: whether the clock may be believed where something would go for good.

The time is noted every few minutes by whoever runs the chat. Where it is suddenly hours later, either nobody ran it
meanwhile or the clock has leapt ahead, and nobody can tell which. So what it says is doubted for a day; a clock that
is set right within it has done no harm.
"""

from sqlalchemy.engine import Connection

from chat.core import times
from chat.store.tables import facts
from chat.store.transaction import Transaction

NOTED, DOUBTED = "clock_noted_at", "clock_doubted_until"
NOTE_MINUTES = 10
LEAP_HOURS = 1  # what goes this much too early is no loss: the shortest time that anything is kept for is a day
DOUBT_DAYS = 1


def is_doubtful(connection: Connection) -> bool:
    """Whether what goes by age must stay for now."""
    doubted_until = facts.get(connection, DOUBTED)
    return _is_in_doubt(doubted_until) if doubted_until else _has_leapt(connection)


def is_due(connection: Connection) -> bool:
    """Whether it is time to `note` the time."""
    noted_at = facts.get(connection, NOTED)
    return noted_at is None or not times.ago(minutes=NOTE_MINUTES) < noted_at <= times.now()


def note(tx: Transaction) -> bool:
    """Note the time; true where it is in doubt from now on."""
    doubted_until = facts.get(tx.connection, DOUBTED) or ""
    has_leapt = not doubted_until and _has_leapt(tx.connection)
    if has_leapt:
        facts.put(tx, DOUBTED, times.ahead(days=DOUBT_DAYS))
    elif doubted_until and not _is_in_doubt(doubted_until):
        facts.put(tx, DOUBTED, "")
    facts.put(tx, NOTED, times.now())
    return has_leapt


def _is_in_doubt(doubted_until: str) -> bool:
    """Until the day is over, or the clock has gone back to before it began."""
    return times.now() < doubted_until <= times.ahead(days=DOUBT_DAYS)


def _has_leapt(connection: Connection) -> bool:
    noted_at = facts.get(connection, NOTED)
    return noted_at is not None and noted_at < times.ago(hours=LEAP_HOURS)
