"""Rooms are told apart by name: each gets the key of its name. Those that bear one name already keep it."""

import sqlalchemy as sa
from alembic import op

from chat.core.names import name_key

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("rooms", sa.Column("name_key", sa.Text, nullable=False, server_default=""))
    op.create_index("rooms_by_name", "rooms", ["name_key"])
    rooms = sa.table("rooms", *[sa.column(name) for name in ("id", "name", "name_key")])
    rows = op.get_bind().execute(sa.select(rooms).where(rooms.c.name != "")).all()
    keys = [{"row_id": row.id, "key": name_key(row.name)} for row in rows]
    change = sa.update(rooms).where(rooms.c.id == sa.bindparam("row_id")).values(name_key=sa.bindparam("key"))
    if keys:
        op.get_bind().execute(change, keys)
