"""Who is noted with an act."""

from typing import Any


def actor_id(owner: Any) -> int | None:
    return owner.id if owner is not None else None
