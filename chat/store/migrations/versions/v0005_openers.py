"""Who opened a room, because nobody opens them without number. Of the rooms of before that is not known."""

import sqlalchemy as sa
from alembic import op

from chat.store.migrations import ID

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("rooms", sa.Column("opened_by", ID))
