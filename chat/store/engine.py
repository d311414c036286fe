"""What the store asks of a database. Each engine is a folder beside this file, and `engines.py` chooses one.

SQLAlchemy puts a statement into the words of the connection's dialect; only what goes beyond that is in here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Table
from sqlalchemy.engine import Connection

from chat.core.broker import Broker
from chat.core.findings import Finding


class Diagnosis(NamedTuple):
    """What an error of the driver means.

    `is_fault` where a statement of the program is wrong, or somebody has altered its tables; otherwise the database
    can't be used, and that may pass by itself. `words` tell whoever runs the chat what is wrong and what to do.
    """

    is_fault: bool
    words: str


class InDoubt(Exception):
    """Nobody can say whether the change is in the store: whoever asked must get no answer, and ask again."""


class Moving(Protocol):
    """What a database must know for a chat to move there, or away, in transactions of `Engine.upgrading`."""

    def load(self, connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows, with a value for each of the table's columns, in their order."""

    def last_numbers(self, connection: Connection) -> dict[str, int]:
        """The highest number that a row was ever given, of each table whose rows the database numbers."""

    def go_on_from(self, connection: Connection, numbers: Mapping[str, int]) -> None:
        """Number new rows from there, or from the highest that is there; and do what is due after all was loaded."""

    def refuse_changes(self, connection: Connection) -> None:
        """Once this is committed, refuse what anybody wants to change in any table, saying `versions.CLOSED`."""

    def allow_changes(self, connection: Connection) -> None:
        """Take that back."""


class Engine(Protocol):
    """A database: connections that read, the one write lock, and what its errors mean.

    Raises the driver's own errors, which `classify` knows, and OSError for files that are not the driver's.
    """

    @property
    def name(self) -> str:
        """The database as people are told of it, without any secret."""

    @property
    def at_hand(self) -> int:
        """How many connections that were given back are kept open for the next question, rather than closed."""

    # To begin with

    def exists(self) -> bool:
        """Whether there is a database at all, with or without tables."""

    def upgrading(self) -> AbstractContextManager[Connection]:
        """A transaction that may change tables, in a database that is made where there is none; one process at a
        time."""

    # Reading and writing

    def reading(self) -> Connection:
        """A new connection that can't write, and whose transactions see one moment each."""

    def is_alive(self, connection: Connection) -> bool:
        """Whether a connection of `reading` that has lain at hand can be used."""

    def turn_to_read(self) -> AbstractContextManager[None]:
        """To be open as long as a connection of `reading` is lent: where there are few, senders take turns."""

    def close_pool(self) -> None:
        """Close the connections that were lent for reading and given back."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction with the write lock, durable once this has returned. Whoever wants it queues.

        Raises InDoubt where nobody knows whether it is in the database.
        """

    def mark(self, connection: Connection, is_first: bool) -> None:
        """In a transaction of `writing`: let `go_back` undo what comes from now on, and no longer what came after an
        earlier mark. SQLAlchemy's own savepoints cost more than a change."""

    def go_back(self, connection: Connection) -> None:
        """Undo what has come since the mark, which stays."""

    def turn(self) -> AbstractContextManager[None]:
        """The turn of this process to write, for several steps: the others wait, but not for ever."""

    def disconnect(self) -> None:
        """Let the next transaction of `writing` have a connection of its own. Never raises."""

    def rest(self) -> None:
        """Do what has to be done now and then, while nobody waits for a change. Never raises."""

    def leave(self) -> None:
        """End the connection of `writing`. Never raises."""

    def close(self) -> None:
        """Let go of everything else, when no connection is open any more."""

    def broker(self) -> Broker | None:
        """What also carries messages between the processes that use this database; None where they share a machine."""

    # Erasing

    def after_erasure(self) -> bool:
        """After a commit that overwrote something, in the same turn: let no older copy of it remain; false where this
        must be tried again. Never raises."""

    def has_remains(self) -> bool:
        """Whether there may be older copies of what was overwritten."""

    # A database that is replaced while the chat runs

    @property
    def is_in_place(self) -> bool:
        """Whether what is written now would be found after a restart."""

    @property
    def is_lost(self) -> bool:
        """Whether `writing` has found that it would not; it refuses from then on, until `accept`."""

    def let_go(self) -> bool:
        """Have nothing open any more, while no connection is; true once there is a database to be opened anew."""

    def accept(self) -> None:
        """Take what is there now for the chat's database."""

    # Moving

    def moving(self) -> Moving:
        """What only a move needs."""

    # For people

    def classify(self, error: BaseException) -> Diagnosis | None:
        """What the error means; None where it is not the driver's."""

    def findings(self) -> Iterator[Finding]:
        """What `longwave check` tells of this database."""
