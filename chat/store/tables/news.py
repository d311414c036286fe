"""What a process looks for each second in the log, in the inbox and among the users, as one question."""

from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.engine import Connection

from chat.store.schema import inbox, users
from chat.store.statement import Prepared
from chat.store.tables.events import gap_around
from chat.store.transaction import highest_id_given


class News(NamedTuple):
    """Whether there is anything to ask for. `last_id` is the highest id that the log ever gave."""

    last_id: int
    is_in_gap: bool  # the cursor is, because a restored backup has lost its time
    has_inbox: bool  # a row of the inbox waits to be posted
    has_wishes: bool  # somebody wants to be forgotten

    def has_lost(self, cursor: int) -> bool:
        """As `events.has_lost` of the cursor that was asked with."""
        return self.is_in_gap or self.last_id < cursor


_NEWS = Prepared(
    lambda: select(
        func.coalesce(highest_id_given().scalar_subquery(), 0).label("last_id"),
        gap_around().exists().label("is_in_gap"),
        exists().where(inbox.c.reason.is_(None)).label("has_inbox"),
        exists().where(users.c.forgetting.is_not(None)).label("has_wishes"),
    ),
    News,
)


def look(connection: Connection, cursor: int) -> News:
    """All of it, for a process that has read the log up to the cursor."""
    found = _NEWS.first(connection, cursor=cursor)
    assert found is not None
    return found
