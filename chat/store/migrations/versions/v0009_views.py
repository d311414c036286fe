"""How close messages stand for each person: as usual until they choose."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("users", sa.Column("is_compact", sa.Boolean, nullable=False, server_default=sa.false()))
