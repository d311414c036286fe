"""What a reader may see, looked up in the store whenever that may have changed."""

from collections.abc import Collection, Iterable

from sqlalchemy.engine import Connection

from chat.core import times
from chat.realtime import visibility
from chat.store import Store
from chat.store.tables import rooms as room_table
from chat.store.tables.users import User


def of_reader(
    store: Store,
    user: User | None,
    own: Iterable[str],
    room_ids: Collection[int] | None,
    session_id: int | None = None,
    since: int = 0,
) -> "Subscription":
    """A function that looks up what this reader may see: in the named rooms, or with None in all rooms of the user.

    `own` are the reader's own channels; its cursor will never be below `since`. The function returns None when the
    reader may no longer see a named room, or when its session ended or its user was banned between the check of who it
    is and its registration.
    """
    return Subscription(store, user.id if user is not None else None, tuple(own), room_ids, session_id, since)


class Subscription:
    """What `of_reader` returns: small, because every waiting reader has one."""

    __slots__ = ("_own", "_session_id", "_since", "_store", "room_ids", "user_id")

    def __init__(
        self,
        store: Store,
        user_id: int | None,
        own: tuple[str, ...],
        room_ids: Collection[int] | None,
        session_id: int | None,
        since: int,
    ) -> None:
        self._store = store
        self.user_id = user_id
        self._own = own
        self.room_ids = room_ids
        self._session_id = session_id
        self._since = since

    def __call__(self) -> visibility.Visibility | None:
        if self.room_ids is None:
            with self._store.glance() as connection:
                stays = self._stays(connection)
            return None if stays is None else self.visibility(stays, ())
        with self._store.read() as connection:
            stays = self._stays(connection)
            open_ids = room_table.open_ids(connection, self.room_ids)
        return None if stays is None else self.visibility(stays, open_ids)

    def _stays(self, connection: Connection) -> visibility.Stays | None:
        if self.user_id is None:
            return ()
        found = room_table.stays_of_reader(connection, self.user_id, self._session_id, self._since, times.now())
        if found[0].is_banned or (self._session_id is not None and not found[0].is_living):
            return None
        return [
            (stay.room_id, stay.from_id, stay.to_id)
            for stay in found
            if stay.room_id is not None and stay.from_id is not None
        ]

    def visibility(self, stays: visibility.Stays, open_ids: Collection[int]) -> visibility.Visibility | None:
        """What it may see if the user has these stays and these rooms are open."""
        if self.room_ids is None:
            return visibility.of_stays(stays, self._own)
        return visibility.of_rooms(self.room_ids, open_ids, stays, self._own)


def refresh_all(store: Store, subscriptions: Collection[Subscription]) -> list[visibility.Visibility | None]:
    """What each of these may see now, after a change of rooms or memberships, by two queries for all of them.

    Sessions and bans are not looked up: once a reader is registered, `revoke` events end it.
    """
    with store.read() as connection:
        user_ids = {each.user_id for each in subscriptions if each.user_id is not None}
        stays = room_table.stays_of_all(connection, user_ids)
        named = {room_id for each in subscriptions for room_id in each.room_ids or ()}
        open_ids = room_table.open_ids(connection, named)
    return [each.visibility(stays[each.user_id] if each.user_id in stays else (), open_ids) for each in subscriptions]
