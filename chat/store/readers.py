"""The connections that a store reads with."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from chat.store import trouble
from chat.store.engine import Engine


class Readers:
    """Connections that are lent for one question or one transaction; any thread may ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._at_hand: list[Connection] = []  # kept open, because the pool resets what it lends
        self._lent: set[Connection] = set()

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A connection outside of any transaction; raises `trouble.DatabaseError` for what the driver raises."""
        try:
            with self._engine.turn_to_read():
                connection = self._take()
                self._lent.add(connection)
                try:
                    yield connection
                    connection.rollback()  # of nothing, unless something else was asked, too
                except BaseException:
                    connection.close()
                    raise
                else:
                    self._keep(connection)
                finally:
                    self._lent.discard(connection)
        except BaseException as error:
            trouble.reraise(error, self._engine)

    def close(self) -> bool:
        """Close what is not lent; true when nothing was."""
        while self._at_hand:
            self._at_hand.pop().close()
        self._engine.close_pool()
        return not self._lent

    def _take(self) -> Connection:
        while True:
            try:
                connection = self._at_hand.pop()
            except IndexError:
                return self._engine.reading()
            if self._engine.is_alive(connection):
                return connection
            trouble.discard(connection)

    def _keep(self, connection: Connection) -> None:
        if len(self._at_hand) < self._engine.at_hand:
            self._at_hand.append(connection)
        else:
            connection.close()
