"""Making the database, and bringing it to this program's version, one process at a time."""

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from chat.core.config import Config
from chat.core.errors import ConfigError
from chat.store import leaps, trouble
from chat.store.engines import engine_for
from chat.store.readers import Readers
from chat.store.transaction import Transaction


def upgrade(config: Config) -> None:
    """Create the database or migrate it to this version; whoever comes meanwhile waits, and finds it done."""
    from alembic.util import CommandError  # late, as it takes a while to load, and only this needs it

    from chat.store.migrations import upgrade as migrate

    engine = engine_for(config)
    try:
        with engine.upgrading() as connection:
            migrate(connection)
            if leaps.is_due(connection):
                leaps.note(Transaction(connection))
    except CommandError:  # Alembic knows no step of this name
        raise ConfigError(
            f"{engine.name} was made by a newer version of Longwave: install that version, or restore a backup."
        ) from None
    except Exception as error:
        trouble.reraise(error, engine)


def exists(config: Config) -> bool:
    """Whether there is a database with tables; one that another process is just making is waited for by `upgrade`."""
    engine = engine_for(config)
    if not engine.exists():
        return False
    readers = Readers(engine)
    try:
        with readers.lent() as connection, connection.begin():
            return version_of(connection) is not None
    finally:
        readers.close()


def version_of(connection: Connection) -> str | None:
    """The schema's version in the database; None in one that has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
