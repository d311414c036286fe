"""Redis as a broker: publish and subscribe, on one channel for each site."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from chat.core.broker import Line, Messages

SENTINEL = "+sentinel"  # in the URL's scheme
SENTINEL_PORT = 26379
SENTINEL_PASSWORD = "sentinel_password"
RECEIVED_MAX = 1000  # messages at once, so that what has come is passed on even if more comes all the time


class RedisServer:
    """The server at this URL, or the one that Sentinels say leads, in the forms that CHAT_RELAY_URL allows."""

    errors = (redis.RedisError, OSError)
    pause_seconds = 0.0

    def __init__(self, url: str, channel: str) -> None:
        self._channel = channel
        parts = urlsplit(url)
        self.name = f"Redis at {parts.netloc.rpartition('@')[2]}"
        self._open: Callable[..., redis.Redis] = partial(_direct, url)
        if SENTINEL in parts.scheme:
            self._open = partial(_by_sentinels, url)

    def connect(self, seconds: float) -> Line:
        # The protocol's second version, because the third one adds messages of its own.
        patience = {"socket_timeout": seconds, "socket_connect_timeout": seconds, "retry": Retry(NoBackoff(), 0),
                    "protocol": 2}
        with ExitStack() as opening:
            client = self._open(opening, patience)
            return _RedisLine(client, self._channel, seconds, opening.pop_all())


class _RedisLine:
    def __init__(self, client: redis.Redis, channel: str, seconds: float, opened: ExitStack) -> None:
        self._client, self._channel, self._seconds, self._opened = client, channel, seconds, opened

    def send(self, messages: Messages) -> None:
        with self._client.pipeline(transaction=False) as sending:
            for message in messages:
                sending.publish(self._channel, message)
            sending.execute()

    def listen(self) -> None:
        self._subscription = self._client.pubsub()
        self._opened.callback(self._subscription.close)
        self._subscription.subscribe(self._channel)
        if self._subscription.get_message(timeout=self._seconds) is None:
            raise TimeoutError("the subscription was not confirmed")

    def receive(self, seconds: float) -> Messages | None:
        first = self._subscription.get_message(timeout=seconds)
        if first is None:
            return None
        received = [first]
        # Of a long message only the beginning may have come: the rest is waited for.
        while self._subscription.connection.can_read(0) and len(received) < RECEIVED_MAX:
            received.append(self._subscription.get_message(timeout=self._seconds))
        return [message["data"] for message in received if message is not None and message["type"] == "message"]

    def ask(self) -> None:
        self._subscription.ping()

    def close(self) -> None:
        self._opened.close()


def _direct(url: str, opening: ExitStack, patience: dict[str, Any]) -> redis.Redis:
    client = redis.Redis.from_url(url, **patience)
    opening.callback(client.close)
    return client


def _by_sentinels(url: str, opening: ExitStack, patience: dict[str, Any]) -> redis.Redis:
    """A client of the server that leads now, for one line: a later one asks the Sentinels again."""
    parts = urlsplit(url)
    user, at, addresses = parts.netloc.rpartition("@")
    scheme = parts.scheme.removesuffix(SENTINEL)
    options = parse_url(f"{scheme}://{user}{at}host?{parts.query}")  # of one server, as if it were the only one
    for name in ("host", "connection_class", SENTINEL_PASSWORD):
        options.pop(name, None)
    options |= patience | ({"ssl": True} if scheme == "rediss" else {})
    password = parse_qs(parts.query).get(SENTINEL_PASSWORD, [None])[0]
    of_sentinels = {name: value for name, value in options.items() if name != "username"} | {"password": password}
    sentinel = Sentinel([_host_and_port(a) for a in addresses.split(",")], sentinel_kwargs=of_sentinels, **options)
    opening.callback(sentinel.close)
    client: redis.Redis = sentinel.master_for(parts.path.strip("/"))
    opening.callback(client.close)
    return client


def _host_and_port(address: str) -> tuple[str, int]:
    parts = urlsplit(f"//{address}")
    assert parts.hostname is not None, "the setting's check wants one"
    return parts.hostname, parts.port or SENTINEL_PORT
