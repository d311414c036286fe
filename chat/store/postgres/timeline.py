"""A server that another has taken the place of may have lost the end of the log, and no id may be given twice.

Each time that a replica is promoted, PostgreSQL begins a new timeline. The chat's stands in `facts`, and whoever opens
a connection for writing compares it: where it is another, ids go on far beyond all that the lost server can have given,
and the ids between are a gap, from which readers are told to begin anew (`events.is_in_gap`).
"""

from sqlalchemy.engine import Connection

from chat.store.tables import events, facts
from chat.store.transaction import Transaction

SKIPPED_IDS = 1 << 20  # more than are given while a replica falls behind
_CURRENT = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"  # a file's name begins with its timeline
_FACT = "timeline"


def follow(connection: Connection) -> None:
    """Note the server's timeline, in a transaction with the write lock; where it is a new one, skip ids."""
    current = connection.exec_driver_sql(_CURRENT).scalar_one()
    known = facts.get(connection, _FACT)
    if known == current:
        return
    tx = Transaction(connection)
    if known is not None:
        events.skip_ids(tx, SKIPPED_IDS)
        tx.finish()
    facts.put(tx, _FACT, current)
