"""The connections that a store reads with."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from chat.store import trouble
from chat.store.engine import Engine

AT_HAND = 8  # connections that are kept for the next question: each has 2 MB of pages, and threads come in crowds


class Readers:
    """Connections that are lent for one question or one transaction; any thread may ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._at_hand: list[Connection] = []  # kept open, because the pool resets what it lends
        self._lent: set[Connection] = set()

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A connection outside of any transaction; raises `trouble.DatabaseError` for what the driver raises."""
        connection = self._take()
        self._lent.add(connection)
        try:
            yield connection
            connection.rollback()  # of nothing, unless something else was asked, too
        except BaseException as error:
            self._drop(connection, error)
            trouble.reraise(error, self._engine)
        else:
            self._keep(connection)
        finally:
            self._lent.discard(connection)

    def close(self) -> bool:
        """Close what is not lent; true when nothing was."""
        self._close_at_hand()
        self._engine.close_pool()
        return not self._lent

    def _close_at_hand(self) -> None:
        while self._at_hand:
            self._at_hand.pop().close()

    def _drop(self, connection: Connection, error: BaseException) -> None:
        """Close the connection; and where the database could not be used, all that are kept, which may be dead, too."""
        diagnosis = self._engine.classify(error)
        if diagnosis is not None and not diagnosis.is_fault:
            connection.invalidate()
            self._close_at_hand()
        connection.close()

    def _take(self) -> Connection:
        try:
            return self._at_hand.pop()
        except IndexError:
            pass
        try:
            return self._engine.reading()
        except Exception as error:
            trouble.reraise(error, self._engine)

    def _keep(self, connection: Connection) -> None:
        if len(self._at_hand) < AT_HAND:
            self._at_hand.append(connection)
        else:
            connection.close()
