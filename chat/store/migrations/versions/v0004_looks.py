"""Names are compared by what is seen of them: each name's key is computed again, and twins keep their names.

Of several that bear names which are one from now on, the first has the key; the others have it with a number behind,
so that nobody else gets such a name as long as one of them bears it.
"""

from collections import Counter

import sqlalchemy as sa
from alembic import op

from chat.core.names import name_key
from chat.store.schema import TWIN

revision = "0004"
down_revision = "0003"

FORGOTTEN = "nameless:"  # the key of whoever was forgotten is none of a name


def upgrade() -> None:
    users = sa.table("users", *[sa.column(name) for name in ("id", "name", "name_key", "released_at")])
    rows = op.get_bind().execute(sa.select(users).order_by(users.c.id)).all()
    bearers: Counter[str] = Counter()
    changed = []
    for row in rows:
        if row.released_at is not None and row.name_key == f"{FORGOTTEN}{row.id}":
            continue
        key = name_key(row.name)
        if row.released_at is None:
            bearers[key] += 1
            if bearers[key] > 1:
                key = f"{key}{TWIN}{row.id}"
        if key != row.name_key:
            changed.append({"row_id": row.id, "between": f"{TWIN}{row.id}", "key": key})
    change = sa.update(users).where(users.c.id == sa.bindparam("row_id"))
    for value in ("between", "key") if changed else ():  # one key may be another's of before
        op.get_bind().execute(change.values(name_key=sa.bindparam(value)), changed)
