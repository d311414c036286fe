"""Forms that were sent, for a while: so that one that is sent again is answered as before, and done once."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "sent_forms",
        sa.Column("sent_hash", sa.String(64), primary_key=True),
        sa.Column("known_hash", sa.String(64), nullable=False),
        sa.Column("key_hash", sa.String(64)),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
    )
    op.create_index("sent_forms_known", "sent_forms", ["known_hash"])
    op.create_index("sent_forms_by_session", "sent_forms", ["key_hash"])
    op.create_index("sent_forms_by_age", "sent_forms", ["created_at"])
