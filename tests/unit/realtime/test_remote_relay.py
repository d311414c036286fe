"""The relay between hosts while its broker is slow, silent, away, or of another opinion."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("redis")

from chat.core.broker import Broker, Line, Messages
from chat.realtime.relay import remote
from chat.realtime.relay.redis import RedisServer
from chat.realtime.relay.redis import _RedisLine as redis_line
from chat.realtime.relay.remote import RemoteRelay
from chat.store.postgres.channel import Channel
from chat.store.postgres.channel import _ChannelLine as channel_line
from tests.support.failing import failing
from tests.support.postgres import Postgres
from tests.support.redis_servers import Redis, running, watched
from tests.support.serving import eventually

TYPING = {"kind": "typing"}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody has to be patient with a server of this machine; and no relay goes on after its test."""
    before = threading.active_count()
    for name, seconds in {"CONNECT_SECONDS": 0.5, "ASK_SECONDS": 0.2, "DEAD_SECONDS": 0.6, "RECEIVE_SECONDS": 0.1,
                          "RETRY_SECONDS": (0.01, 0.1)}.items():
        monkeypatch.setattr(remote, name, seconds)
    yield
    eventually(lambda: threading.active_count() <= before)


class Host:
    """A process of one host at the broker; counts rings, notes news."""

    def __init__(self, broker: Broker) -> None:
        self.relay = RemoteRelay(broker)
        self.rings, self.news = 0, []
        self.relay.start(self._rang, self._take)
        eventually(lambda: self.rings)

    def _rang(self) -> None:
        self.rings += 1

    def _take(self, news: dict[str, Any]) -> None:
        self.news.append(news)

    def hears(self, other: "Host") -> bool:
        """Whether what the other publishes arrives, sooner or later."""

        def is_heard() -> bool:
            other.relay.publish(TYPING)
            return TYPING in self.news

        self.news.clear()
        return eventually(is_heard)


@pytest.fixture
def hosts() -> Iterator[Callable[[Callable[[], Broker]], tuple[Host, Host]]]:
    with ExitStack() as opened:

        def start(make: Callable[[], Broker]) -> tuple[Host, Host]:
            both = Host(make()), Host(make())
            for host in both:
                opened.callback(host.relay.stop)
            return both

        yield start


@pytest.fixture
def redis() -> Iterator[Redis]:
    """One for each test here, which may break it."""
    with running() as server:
        yield server


def test_a_server_that_ends_is_said_once_and_whoever_hears_again_looks_at_the_log(redis: Redis, hosts, caplog):
    one, other = hosts(lambda: RedisServer(redis.url, "here"))
    assert other.hears(one)
    redis.kill()
    eventually(lambda: caplog.text.count("can't be heard") == 2)
    for _ in range(3):
        one.relay.ring()
        one.relay.publish(TYPING)
    eventually(lambda: one.relay.lost)
    before = other.rings
    redis.start()
    eventually(lambda: other.rings > before)
    assert other.hears(one) and one.hears(other)
    assert caplog.text.count("can't be heard") == 2 and caplog.text.count("can't be told") == 1
    assert caplog.text.count("is back") == 3


def test_a_server_that_stands_still_is_given_up_and_found_again(redis: Redis, hosts, caplog):
    one, other = hosts(lambda: RedisServer(redis.url, "here"))
    before = other.rings
    redis.pause()
    try:
        eventually(lambda: caplog.text.count("no answer for") == 2)
    finally:
        redis.resume()
    eventually(lambda: other.rings > before)
    assert other.hears(one)


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_a_silent_path_that_lives_is_kept(kind: str, request, monkeypatch, hosts, caplog):
    server, asked = request.getfixturevalue(kind), []
    line = redis_line if kind == "redis" else channel_line
    ask = line.ask
    monkeypatch.setattr(line, "ask", lambda self: (asked.append(self), ask(self)))
    url = server.url if kind == "redis" else server.database()
    one, other = hosts(lambda: RedisServer(url, "here") if kind == "redis" else Channel(url))
    eventually(lambda: len(asked) > 12)
    assert other.rings == one.rings == 1 and len(set(map(id, asked))) == 2 and not caplog.text


def test_connections_that_are_cut_are_made_again(redis: Redis, hosts):
    one, other = hosts(lambda: RedisServer(redis.url, "here"))
    assert other.hears(one)
    before = other.rings
    redis.cut()
    eventually(lambda: other.rings > before)
    assert other.hears(one) and one.hears(other)


def test_a_password_that_is_wrong_is_said_without_being_shown(redis: Redis, caplog):
    redis.ask("CONFIG", "SET", "requirepass", "s3cret")
    relay = RemoteRelay(RedisServer(redis.url.replace("//", "//:mist4ken@"), "here"))
    relay.start(lambda: None, lambda news: None)
    relay.ring()
    eventually(lambda: "can't be heard" in caplog.text and "can't be told" in caplog.text)
    relay.stop()
    assert "s3cret" not in caplog.text and "mist4ken" not in caplog.text


def test_one_with_a_password_is_reached_by_it(redis: Redis, hosts):
    redis.ask("CONFIG", "SET", "requirepass", "s3/cret")
    one, other = hosts(lambda: RedisServer(redis.url.replace("//", "//:s3%2Fcret@"), "here"))
    assert other.hears(one)


def test_sites_that_share_a_server_do_not_hear_each_other(redis: Redis, hosts):
    one, other = hosts(lambda: RedisServer(redis.url, "here"))
    elsewhere = Host(RedisServer(redis.url, "there"))
    assert other.hears(one)
    elsewhere.relay.stop()
    assert elsewhere.rings == 1 and elsewhere.news == []


def test_sentinels_lead_to_whoever_leads_now(hosts):
    with watched() as (url, leader, replica):
        one, other = hosts(lambda: RedisServer(url, "here"))
        assert other.hears(one)
        leader.kill()
        eventually(lambda: replica.ask("ROLE")[0] == b"master")
        assert other.hears(one) and one.hears(other)


def test_a_database_server_that_is_away_is_found_again(postgres: Postgres, hosts, caplog):
    url = postgres.database()
    one, other = hosts(lambda: Channel(url))
    assert other.hears(one)
    before = other.rings
    postgres.stop()
    try:
        eventually(lambda: caplog.text.count("can't be heard") == 2)
    finally:
        postgres.start()
    eventually(lambda: other.rings > before)
    assert other.hears(one) and one.hears(other)


def test_a_long_message_among_equal_short_ones_arrives_whole_and_all_do_by_the_database(postgres: Postgres, hosts):
    url = postgres.database()
    one, other = hosts(lambda: Channel(url))
    news = [{"text": "é" * 10_000}, {"text": "same"}, {"text": "same"}, {"text": "\U0001f600" * 5000}]
    for each in news:
        one.relay.publish(each)
    eventually(lambda: len(other.news) == len(news))
    assert other.news == news


def test_a_long_message_may_come_in_pieces():
    """As it does over a network, where the loopback shows it whole."""
    long = b"x" * 60_000
    with socket.create_server(("127.0.0.1", 0)) as listening:
        line = RedisServer(f"redis://127.0.0.1:{listening.getsockname()[1]}", "here").connect(5)
        may_end = threading.Event()
        server = threading.Thread(target=answer_in_pieces, args=(listening, long, may_end))
        server.start()
        line.listen()
        received = []
        while len(received) < 2:
            received += line.receive(5) or []
        may_end.set()
        server.join()
        line.close()
    assert received == [b"short", long]


def answer_in_pieces(listening: socket.socket, long: bytes, may_end: threading.Event) -> None:
    def said(*words: bytes) -> bytes:
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)

    connection, _ = listening.accept()
    with connection:
        asked = b""
        while b"SUBSCRIBE" not in asked:
            asked = connection.recv(4096)
            connection.sendall(b"+OK\r\n" * asked.count(b"CLIENT"))
        connection.sendall(b"*3\r\n$9\r\nsubscribe\r\n$4\r\nhere\r\n:1\r\n")
        whole = said(b"message", b"here", b"short") + said(b"message", b"here", long)
        connection.sendall(whole[:1000])
        threading.Event().wait(0.2)  # the network's; nobody can be waited for
        connection.sendall(whole[1000:])
        may_end.wait(20)


def test_what_was_left_to_be_sent_is_sent_before_it_stops(redis: Redis, hosts):
    one, other = hosts(lambda: RedisServer(redis.url, "here"))
    before = other.rings
    one.relay.publish({"text": "the last"})
    one.relay.ring()
    one.relay.stop()
    eventually(lambda: {"text": "the last"} in other.news and other.rings > before)


def test_a_fault_of_ours_ends_neither_greenlet_for_good(redis: Redis, hosts, monkeypatch, caplog):
    one, other = hosts(lambda: RedisServer(redis.url, "here"))
    with monkeypatch.context() as patch:
        patch.setattr(RedisServer, "connect", failing(ValueError("a mistake")))
        redis.cut()
        eventually(lambda: caplog.text.count("a mistake") >= 2 and "Traceback" in caplog.text)
        one.relay.publish(TYPING)
        eventually(lambda: one.relay.lost)
    assert other.hears(one) and one.hears(other)


# A broker that does what the test wants


class Slow:
    """A broker whose lines wait in `send` until they are let go."""

    name, errors, pause_seconds = "slow broker", (OSError,), 0.0

    def __init__(self) -> None:
        self.may_send = threading.Event()
        self.sent: list[bytes] = []

    def connect(self, seconds: float) -> Line:
        return _SlowLine(self)


class _SlowLine:
    def __init__(self, broker: Slow) -> None:
        self._broker = broker

    def send(self, messages: Messages) -> None:
        assert self._broker.may_send.wait(20)
        self._broker.sent.extend(messages)

    def listen(self) -> None:
        pass

    def receive(self, seconds: float) -> Messages | None:
        threading.Event().wait(seconds)
        return []

    def ask(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_news_waits_for_a_slow_broker_up_to_a_bound_and_rings_become_one():
    broker = Slow()
    host = Host(broker)
    large = {"text": "x" * 50_000}
    for _ in range(40):
        host.relay.publish(large)
        host.relay.ring()
    lost = host.relay.lost
    assert 0 < lost < 40
    broker.may_send.set()
    host.relay.publish({"text": "last"})
    eventually(lambda: any(b"last" in message for message in broker.sent))
    host.relay.stop()
    rings = [message for message in broker.sent if message.endswith(remote.RING)]
    assert 1 <= len(rings) <= 3 and len(broker.sent) - len(rings) == 40 - lost + 1
