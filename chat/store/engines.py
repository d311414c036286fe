"""Which database a chat has."""

from chat.core.config import Config
from chat.core.errors import ConfigError
from chat.store.engine import Engine
from chat.store.sqlite.engine import SqliteEngine


def engine_for(config: Config) -> Engine:
    """The engine that the settings ask for; it opens nothing yet. Raises ConfigError where its driver is missing."""
    if config.database_url:
        return _server(config)
    return SqliteEngine(config.instance, config.synchronous, config.journal)


def _server(config: Config) -> Engine:
    try:
        from chat.store.postgres.engine import PostgresEngine  # late: most chats are a file
    except ImportError:
        raise ConfigError("CHAT_DATABASE_URL needs a driver: run pip install 'longwave[postgres]'.") from None
    return PostgresEngine(config.database_url, config.database_connections)
