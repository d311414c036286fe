"""What the one who runs the site needs: settings, bans, a log of acts; and what people may ask to be forgotten."""

import sqlalchemy as sa
from alembic import op

from chat.store.migrations import ID

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("users", sa.Column("is_owner", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("users", sa.Column("forgetting", sa.String(32)))
    asked = sa.text("forgetting IS NOT NULL")
    op.create_index("users_forgetting", "users", ["forgetting"], sqlite_where=asked, postgresql_where=asked)
    op.add_column("memberships", sa.Column("join_id", ID))
    op.execute("UPDATE memberships SET join_id = from_id")
    op.add_column("sessions", sa.Column("address", sa.String(45)))
    op.add_column("sessions", sa.Column("user_agent", sa.String(200)))
    op.add_column("messages", sa.Column("expired_at", sa.String(24)))
    kept = sa.text("expired_at IS NULL")
    op.create_index("messages_kept", "messages", ["created_at"], sqlite_where=kept, postgresql_where=kept)
    op.create_table(
        "settings",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "bans",
        sa.Column("id", ID, primary_key=True),
        sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("network", sa.String(43)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", sa.String(24)),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("lifted_at", sa.String(24)),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "acts",
        sa.Column("id", ID, primary_key=True),
        sa.Column("user_id", ID),
        sa.Column("act", sa.String(24), nullable=False),
        sa.Column("subject_id", ID),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sqlite_autoincrement=True,
    )
