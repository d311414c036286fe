"""Making the database, and bringing it to this program's version, one process at a time."""

from chat.core.config import Config
from chat.core.errors import ConfigError
from chat.store import leaps, trouble, versions
from chat.store.engines import engine_for
from chat.store.transaction import Transaction


def upgrade(config: Config) -> None:
    """Create the database or migrate it to this version; whoever comes meanwhile waits, and finds it done."""
    from alembic.util import CommandError  # late, as it takes a while to load, and only this needs it

    from chat.store.migrations import upgrade as migrate

    engine = engine_for(config)
    try:
        with engine.upgrading() as connection:
            reason = versions.REASONS.get(versions.current(connection) or "")
            if reason is not None:
                raise ConfigError(reason)
            migrate(connection)
            if leaps.is_due(connection):
                leaps.note(Transaction(connection))
    except CommandError:  # Alembic knows no step of this name
        raise ConfigError(
            f"{engine.name} was made by a newer version of Longwave: install that version, or restore a backup."
        ) from None
    except Exception as error:
        trouble.reraise(error, engine)
