"""Who is noted with an act."""

from chat.store.tables.users import User


def actor_id(owner: User | None) -> int | None:
    """The owner's id; None for whoever has a shell on the machine."""
    return owner.id if owner is not None else None
