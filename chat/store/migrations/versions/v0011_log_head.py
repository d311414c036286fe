"""The highest id of the log in a table of one row, instead of where SQLite keeps it for itself."""

import sqlalchemy as sa
from alembic import op

from chat.store.migrations import ID

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table("log_head", sa.Column("last_id", ID, nullable=False))
    op.execute("INSERT INTO log_head SELECT coalesce(max(id), 0) FROM events")
    if op.get_context().dialect.name == "sqlite":
        op.execute("UPDATE log_head SET last_id = max(last_id, seq) FROM sqlite_sequence WHERE name = 'events'")
