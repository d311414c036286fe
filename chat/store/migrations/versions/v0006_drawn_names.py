"""Names are compared by how they are drawn, too: whoever bears such a name keeps it, and nobody new gets one."""

import sqlalchemy as sa
from alembic import op

from chat.core.names import drawn_key
from chat.store.migrations import KEY
from chat.store.migrations.versions.v0004_looks import FORGOTTEN

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("users", sa.Column("drawn_key", KEY))
    op.create_index("users_by_look", "users", ["drawn_key"])
    users = sa.table("users", *[sa.column(name) for name in ("id", "name", "name_key", "drawn_key")])
    rows = op.get_bind().execute(sa.select(users)).all()
    drawn = [{"row_id": row.id, "key": drawn_key(row.name)} for row in rows if row.name_key != f"{FORGOTTEN}{row.id}"]
    change = sa.update(users).where(users.c.id == sa.bindparam("row_id")).values(drawn_key=sa.bindparam("key"))
    if drawn:
        op.get_bind().execute(change, drawn)
