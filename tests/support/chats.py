"""A chat without a server: its store, hub and cast in one process, for tests of the parts themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from chat.core import config as configuration
from chat.domain import accounts, messages, sessions
from chat.domain.serializers import WireMessage
from chat.realtime import subscription
from chat.realtime.hub import Hub
from chat.realtime.readers import Reader
from chat.store import Store, creation
from chat.store.tables import users
from chat.store.tables.users import User


class Chat:
    """A store with a hub beside it that is woken by every commit, as in a process of the server."""

    def __init__(self, instance: Path, **settings: object) -> None:
        environ = {f"CHAT_{name.upper()}": str(value) for name, value in settings.items()}
        self.config = configuration.load({"CHAT_INSTANCE": str(instance), **environ})
        creation.upgrade(self.config)
        self.store = Store(self.config, on_commit=lambda: self.hub.wake())
        self.hub = self.another_hub()

    @property
    def database(self) -> Path:
        return self.config.instance / "longwave.db"

    def another_hub(self) -> Hub:
        """The hub of another process on the same store: nothing wakes it but the test."""
        refresh_all = partial(subscription.refresh_all, self.store)
        hub = Hub(self.store, self.config.ring_events, self.config.ring_bytes, refresh_all=refresh_all)
        hub.start()
        return hub

    def guest(self, name: str) -> User:
        signed_in = self.store.write(accounts.sign_in, name, self.config.guest_days, sessions.From(None, ""))
        with self.store.read() as connection:
            return users.get(connection, signed_in.user_id)

    def post(self, author: User, body: str, room: str = "lobby", client_id: str | None = None) -> WireMessage:
        return self.store.write(messages.post, author, room, body, client_id).message

    def reader(
        self, user: User | None = None, cursor: int = 0, hub: Hub | None = None, named: list[int] | None = None
    ) -> Reader:
        reader = Reader(subscription.of_reader(self.store, user, own_channels(user), named), cursor)
        (hub or self.hub).register(reader)
        return reader

    def read_all(self, reader: Reader, hub: Hub | None = None) -> list[tuple[int, str, str]]:
        """Everything that there is for the reader, as (id, name, channel)."""
        heard = []
        while found := (hub or self.hub).feed.read(reader):
            heard += [(event.id, event.name, event.channel) for event in found]
        return heard


@contextmanager
def opened(instance: Path, **settings: object) -> Iterator[Chat]:
    chat = Chat(instance, **settings)
    try:
        yield chat
    finally:
        chat.store.stop()


def own_channels(user: User | None) -> list[str]:
    return [f"user:{user.id}"] if user is not None else []
