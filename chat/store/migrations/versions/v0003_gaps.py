"""The gaps that restored backups leave in the log; sessions that have ended and are still known."""

import sqlalchemy as sa
from alembic import op

from chat.store.migrations import ID

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("ended_at", sa.String(24)))
    op.create_table(
        "gaps",
        sa.Column("after_id", ID, primary_key=True, autoincrement=False),
        sa.Column("until_id", ID, nullable=False),
    )
