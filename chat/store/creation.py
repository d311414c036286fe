"""Making the database, and bringing it to this program's version, one process at a time."""

import fcntl
import os

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from chat.core.config import Config
from chat.core.errors import ConfigError
from chat.store import leaps
from chat.store.sqlite.database import path_of, reading_engine, writing_engine
from chat.store.transaction import Transaction


def upgrade(config: Config) -> None:
    """Create the database or migrate it to this version; whoever comes meanwhile waits, and finds it done."""
    from alembic.util import CommandError  # late, as it takes a while to load, and only this needs it

    from chat.store.migrations import upgrade as migrate

    instance, path = config.instance, path_of(config)
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(instance / "upgrade.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = writing_engine(path, config.synchronous, config.journal, may_make=True)
        with engine.connect() as connection, connection.begin():
            try:
                migrate(connection)
            except CommandError:  # Alembic knows no step of this name
                raise ConfigError(
                    f"{path} was made by a newer version of Longwave: install that version, or restore a backup."
                ) from None
            if leaps.is_due(connection):
                leaps.note(Transaction(connection))
        engine.dispose()
        os.chmod(path, 0o600)
    finally:
        os.close(lock)


def exists(config: Config) -> bool:
    """Whether there is a database with tables; one that another process is just making is waited for by `upgrade`."""
    path = path_of(config)
    if not path.exists():
        return False
    engine = reading_engine(path)
    try:
        with engine.connect() as connection, connection.begin():
            return version_of(connection) is not None
    finally:
        engine.dispose()


def version_of(connection: Connection) -> str | None:
    """The schema's version in the database; None in one that has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
