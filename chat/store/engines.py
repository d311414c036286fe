"""Which database a chat has."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chat.core import config_checks as checks
from chat.core.config import Config
from chat.core.errors import ConfigError
from chat.store.engine import Engine
from chat.store.sqlite.engine import SqliteEngine

FILE = "sqlite:///"


def engine_for(config: Config) -> Engine:
    """The engine that the settings ask for; it opens nothing yet. Raises ConfigError where its driver is missing."""
    if config.database_url:
        return _server(config)
    return SqliteEngine(config.instance, config.synchronous, config.journal)


@contextmanager
def opened_at(url: str, config: Config) -> Iterator[Engine]:
    """The engine of the database at a URL, which may hold a password and is shown to nobody. Raises ConfigError."""
    engine = _engine_at(url, config)
    try:
        yield engine
    finally:
        engine.close_pool()
        engine.close()


def _engine_at(url: str, config: Config) -> Engine:
    if url.startswith(FILE):
        path = Path(url.removeprefix(FILE)).absolute()
        engine = SqliteEngine(path.parent, config.synchronous, config.journal)
        if path != engine.path:
            raise ConfigError(f"A chat's file is called {engine.path.name}, in a folder of its own.")
        return engine
    try:
        return _server(dataclasses.replace(config, database_url=_of_server(url)))
    except ValueError:
        raise ConfigError(
            "A database's URL is like sqlite:///instance/longwave.db or postgresql://user:password@host/name."
        ) from None


def _of_server(url: str) -> str:
    if not url:  # which as a setting means a file
        raise ValueError
    return checks.database_url(url)


def _server(config: Config) -> Engine:
    try:
        from chat.store.postgres.engine import PostgresEngine  # late: most chats are a file
    except ImportError:
        raise ConfigError("CHAT_DATABASE_URL needs a driver: run pip install 'longwave[postgres]'.") from None
    return PostgresEngine(config.database_url, config.database_connections)
