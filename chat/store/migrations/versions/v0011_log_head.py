"""The highest id of the log in a table of one row, instead of where SQLite keeps it for itself."""

import sqlalchemy as sa
from alembic import op

from chat.store.schema import ID

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table("log_head", sa.Column("last_id", ID, nullable=False))
    op.execute("INSERT INTO log_head SELECT coalesce(max(id), 0) FROM events")
    if op.get_context().dialect.name == "sqlite":
        op.execute("UPDATE log_head SET last_id = max(last_id, seq) FROM sqlite_sequence WHERE name = 'events'")
    _let_the_log_count_nothing()


def _let_the_log_count_nothing() -> None:
    """Make it anew, because SQLite can't take AUTOINCREMENT from a table."""
    op.drop_index("events_by_channel", "events")
    op.drop_index("events_by_message", "events")
    op.rename_table("events", "events_before")
    op.create_table(
        "events",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("message_id", ID),
        sa.Column("created_at", sa.String(24), nullable=False),
    )
    columns = "id, channel, name, data, message_id, created_at"
    op.execute(f"INSERT INTO events ({columns}) SELECT {columns} FROM events_before ORDER BY id")
    op.drop_table("events_before")
    op.create_index("events_by_channel", "events", ["channel", "id"])
    present = sa.text("message_id IS NOT NULL")
    op.create_index("events_by_message", "events", ["message_id"], sqlite_where=present, postgresql_where=present)
