"""Which database a chat has."""

from chat.core.config import Config
from chat.store.engine import Engine
from chat.store.sqlite.engine import SqliteEngine


def engine_for(config: Config) -> Engine:
    """The engine that the settings ask for; it opens nothing yet."""
    return SqliteEngine(config.instance, config.synchronous, config.journal)
