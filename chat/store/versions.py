"""What a database says of itself: its schema's version, or in its place that it must not be used.

A word in the version's place keeps every program away, earlier ones too, and costs no further question.
"""

from sqlalchemy import column, inspect, select, table, update
from sqlalchemy.engine import Connection

from chat.core.errors import N_

FILLING, MOVED = "being filled", "moved away"
REASONS = {
    FILLING: N_("The chat is still being moved to this database. Run the same `longwave move` again."),
    MOVED: N_("The chat has moved to another database. Set CHAT_DATABASE_URL or CHAT_INSTANCE to where it is now."),
}
CLOSED = "the chat moves to another database, or has moved, so nothing can be changed in this one"  # to who tries

_VERSIONS = table("alembic_version", column("version_num"))


def current(connection: Connection) -> str | None:
    """The schema's version, or one of `REASONS`; None in a database that has no tables yet."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    found: str | None = connection.execute(select(_VERSIONS)).scalar()
    return found


def put(connection: Connection, version: str) -> None:
    """Let the database say this of itself."""
    connection.execute(update(_VERSIONS).values(version_num=version))
