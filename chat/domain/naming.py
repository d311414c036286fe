"""What is asked before a room is opened, renamed or reopened: its name, its address, and how many there are."""

from collections.abc import Callable

from sqlalchemy.engine import Connection

from chat.core import names
from chat.core.errors import N_, ChatError
from chat.store.tables import rooms as room_table
from chat.store.tables.rooms import Room
from chat.store.tables.users import User

OPENED_MAX = 50  # rooms that one person has opened, and that are still there


def refuse_namesake(connection: Connection, name: str, is_known: Callable[[Room], bool]) -> None:
    """Of two rooms with one name nobody would know which is meant; one that must stay unknown does not count.

    In the transaction that gives the name, so that of two people who give it at once the second is refused. Raises
    ChatError `name_taken`.
    """
    for room in room_table.named(connection, name):
        if is_known(room):
            message = N_("There's already a room called “%(name)s”. Choose another name.")
            raise ChatError("name_taken", message, field="name", name=room.name, room=room.slug)


def refuse_address(connection: Connection, slug: str, is_known: Callable[[Room], bool]) -> None:
    """Two rooms cannot have one address, even where the other stays unknown: it is named only where it may be.

    Raises ChatError `name_taken`.
    """
    room = room_table.find(connection, slug)
    if room is not None:
        message = N_("That address is taken. Choose another.")
        if is_known(room):
            raise ChatError("name_taken", message, field="slug", room=slug)
        raise ChatError("name_taken", message, field="slug")


def refuse_more(connection: Connection, user: User, most: int) -> None:
    """Raise ChatError `forbidden` where there are `most` rooms, or the user has opened `OPENED_MAX`."""
    if room_table.count(connection) >= most:
        message = N_("This chat can't have more rooms. Ask the owner to delete one that's no longer needed.")
    elif room_table.count(connection, opened_by=user.id) >= OPENED_MAX:
        message = N_("You can't create more than %(most)d rooms. Ask the owner to delete one that's no longer needed.")
    else:
        return
    raise ChatError("forbidden", message, most=OPENED_MAX)


def free_slug(connection: Connection, wished: str) -> str:
    """The wished slug, with a number behind it where it is taken."""
    slug, number = wished, 1
    while room_table.find(connection, slug):
        number += 1
        slug = f"{wished[: names.SLUG_MAX - 5]}-{number}"
    return slug
