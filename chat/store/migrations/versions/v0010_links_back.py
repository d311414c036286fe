"""Links by which somebody who signs out may come back live longer than those for devices."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("device_codes", sa.Column("good_until", sa.String(24)))
