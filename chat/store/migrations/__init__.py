"""The schema's versions, each a step that Alembic takes; `upgrade` is the only way to change a database's tables."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.engine import Connection

# What a step means by an id, whatever the schema of today means by it.
ID = BigInteger().with_variant(Integer, "sqlite")
KEY = Text().with_variant(Text(collation="C"), "postgresql")  # and by the key of a name


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables behind `connection` to `revision`, in the caller's transaction."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    attributes: dict[str, Any] = settings.attributes
    attributes["connection"] = connection
    command.upgrade(settings, revision)
