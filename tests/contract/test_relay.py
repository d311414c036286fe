"""What every relay promises, over whatever it carries; and where an implementation deviates."""

import hashlib
import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chat.realtime.relay import NEWS_BYTES, Relay, remote
from chat.realtime.relay.local import LocalRelay
from chat.realtime.relay.passing import PassingRelay
from chat.realtime.relay.remote import RemoteRelay
from chat.realtime.relay.unix import UnixRelay, to_others
from tests.support.serving import eventually


class Kind(NamedTuple):
    """A relay under test; `peer` is what those listen by whom it can reach, `server` the fixture that it needs."""

    make: Callable[[Path], Relay]
    peer: Callable[[Path], Relay]
    rings: bool = True
    carries_news: bool = True
    hears: bool = True
    queues_rings: bool = False  # so that many which nobody takes are too many
    server: str = ""


def passing(open_relay: Callable[[Path], Relay | None], instance: Path) -> Relay:
    return PassingRelay(partial(open_relay, instance))


def over_redis(instance: Path) -> Relay:
    """The instance's site, on a server that others use, too."""
    from chat.realtime.relay.redis import RedisServer

    return RemoteRelay(RedisServer(os.environ["SERVER_OF_THE_TEST"], f"longwave:{instance}"))


def over_database(instance: Path) -> Relay:
    """The instance's database, which the first one makes."""
    import psycopg

    from chat.store.postgres.channel import Channel

    server = os.environ["SERVER_OF_THE_TEST"]
    name = f"relay_{hashlib.sha256(str(instance).encode()).hexdigest()[:16]}"
    with psycopg.connect(server, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(f"CREATE DATABASE {name}")
    return RemoteRelay(Channel(f"{server.rpartition('/')[0]}/{name}"))


KINDS = {
    "local": Kind(lambda instance: LocalRelay(), UnixRelay, rings=False, carries_news=False, hears=False),
    "unix": Kind(UnixRelay, UnixRelay, queues_rings=True),
    "redis": Kind(over_redis, over_redis, server="redis"),
    "notify": Kind(over_database, over_database, server="postgres"),
    "passing, unix": Kind(partial(passing, to_others), UnixRelay, carries_news=False, hears=False),
    "passing, redis": Kind(partial(passing, over_redis), over_redis, carries_news=False, hears=False, server="redis"),
    "passing, notify": Kind(
        partial(passing, over_database), over_database, carries_news=False, hears=False, server="postgres"
    ),
}


def those_that(what: str, does: bool = True) -> pytest.MarkDecorator:
    chosen = [name for name, kind in KINDS.items() if getattr(kind, what) == does]
    return pytest.mark.parametrize("kind", [KINDS[name] for name in chosen], ids=chosen)


every = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@pytest.fixture(autouse=True)
def server_of_the_test(kind: Kind, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "RECEIVE_SECONDS", 0.1)  # so that it stops soon
    if kind.server:
        server = request.getfixturevalue(kind.server)
        monkeypatch.setenv("SERVER_OF_THE_TEST", server.url if kind.server == "redis" else server.url())


class Listener:
    """A process at a relay, which notes what it hears, or does what the test wants it to do then."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.rang = threading.Event()
        self.news: list[dict[str, Any]] = []
        self.on_ring: Callable[[], object] = self.rang.set
        self.on_news: Callable[[dict[str, Any]], object] = self.news.append
        relay.start(lambda: self.on_ring(), lambda news: self.on_news(news))
        if isinstance(relay, RemoteRelay):  # it hears from now on, so that it looks at the log
            assert self.rang.wait(10)
            self.rang.clear()

    def has_heard(self, *news: dict[str, Any]) -> bool:
        return eventually(lambda: self.news == list(news))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Listener]]:
    """Starts a process at a relay of this make, and stops it in the end."""
    before, started = threading.active_count(), []

    def start(make: Callable[[Path], Relay]) -> Listener:
        started.append(Listener(make(tmp_path)))
        return started[-1]

    yield start
    for listener in started:
        listener.relay.stop()
    eventually(lambda: threading.active_count() <= before)


NUMBERS = itertools.count()


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def settle(listener: Listener, post: Relay) -> None:
    """Wait until the listener has taken in all that was sent before; a ring comes after the news that wait with it."""
    for _ in range(2):
        news = {"number": next(NUMBERS)}
        post.publish(news)
        eventually(lambda news=news: news in listener.news)


@those_that("rings")
def test_a_ring_reaches_every_other_process_and_not_its_own(kind: Kind, start, tmp_path: Path):
    one, other, third = start(kind.make), start(kind.peer), start(kind.peer)
    one.relay.ring()
    assert other.rang.wait(5) and third.rang.wait(5)
    other.relay.ring()
    settle(third, other.relay)
    if kind.hears:
        settle(one, other.relay)
        assert one.rang.is_set()
        one.rang.clear()
        other.rang.clear()
        one.relay.ring()
        assert other.rang.wait(5)
        settle(one, other.relay)
    assert not one.rang.is_set()


@those_that("rings")
def test_a_process_that_has_just_started_hears_the_next_ring(kind: Kind, start):
    one, other = start(kind.make), start(kind.peer)
    one.relay.ring()
    assert other.rang.wait(5)
    late = start(kind.peer)
    one.relay.ring()
    assert late.rang.wait(5)


@those_that("rings")
def test_who_was_never_started_can_ring_as_a_command_does(kind: Kind, start, tmp_path: Path):
    listener = start(kind.peer)
    command = kind.make(tmp_path)
    command.ring()
    command.stop()
    assert listener.rang.wait(5)


@those_that("carries_news")
def test_news_arrives_whole_and_in_order(kind: Kind, start):
    one, other = start(kind.make), start(kind.peer)
    small = {"kind": "typing", "user": {"name": "Zoë"}, "room": None}
    large = {"kind": "whole", "names": ["\U0001f600" * 32] * (NEWS_BYTES // 200)}
    one.relay.publish(small)
    one.relay.publish(large)
    assert other.has_heard(small, large)
    assert one.news == []


@those_that("carries_news")
def test_a_slow_listener_delays_nobody_and_what_it_loses_is_counted(kind: Kind, start):
    one, other, gate = start(kind.make), start(kind.peer), threading.Event()
    other.on_ring = gate.wait
    for _ in range(5000):
        one.relay.ring()
    assert (one.relay.lost > 0) == kind.queues_rings, "the queue must have been full for this to mean anything"
    other.on_ring = other.rang.set
    gate.set()
    assert other.rang.wait(5), "of many rings at least one is heard"


@those_that("hears")
def test_a_listener_that_raises_still_receives_what_follows(kind: Kind, start, caplog):
    one, other, raised = start(kind.peer), start(kind.make), []

    def fail(*news: dict[str, Any]) -> None:
        raised.append(news)
        raise ValueError("not now")

    other.on_ring = other.on_news = fail
    one.relay.ring()
    one.relay.publish({"kind": "lost"})
    eventually(lambda: len(raised) == 2)
    other.on_ring, other.on_news = other.rang.set, other.news.append
    one.relay.publish({"kind": "heard"})
    one.relay.ring()
    assert other.has_heard({"kind": "heard"}) and other.rang.wait(5)
    assert "not now" in caplog.text


@those_that("hears")
def test_who_has_stopped_hears_nothing_and_has_nothing_open(kind: Kind, start, tmp_path: Path):
    one, other = start(kind.peer), start(kind.peer)
    one.relay.ring()
    assert other.rang.wait(5), "both have all open that they need"
    before = open_files()
    stopped = Listener(kind.make(tmp_path))
    assert open_files() > before, "premise"
    one.relay.ring()
    assert stopped.rang.wait(5)
    stopped.rang.clear()
    stopped.relay.stop()
    eventually(lambda: open_files() == before)
    other.rang.clear()
    one.relay.ring()
    assert other.rang.wait(5) and not stopped.rang.is_set()


def _start_and_die(make: Callable[[Path], Relay], instance: Path) -> None:
    make(instance).start(lambda: None, lambda news: None)
    os._exit(0)


@those_that("rings")
def test_a_killed_process_does_not_keep_rings_from_the_others(kind: Kind, start, tmp_path: Path):
    one, other = start(kind.make), start(kind.peer)
    dying = multiprocessing.get_context("spawn").Process(target=_start_and_die, args=(kind.peer, tmp_path))
    dying.start()
    dying.join()
    assert dying.exitcode == 0, "premise"
    for _ in range(2):
        other.rang.clear()
        one.relay.ring()
        assert other.rang.wait(5)


@every
def test_where_nobody_else_is_it_rings_publishes_and_stops_all_the_same(kind: Kind, tmp_path: Path):
    before = open_files()
    never_started, alone = kind.make(tmp_path / "a"), Listener(kind.make(tmp_path / "b"))
    for relay in (never_started, alone.relay):
        relay.ring()
        relay.publish({"kind": "typing"})
        assert relay.lost == 0
        relay.stop()
    eventually(lambda: open_files() == before)
    assert not alone.rang.is_set() and alone.news == []


# Deviations


@those_that("rings", False)
def test_a_lone_relay_reaches_nobody(kind: Kind, start):
    one, other, third = start(kind.make), start(kind.peer), start(kind.peer)
    one.relay.ring()
    settle(other, third.relay)
    assert not other.rang.is_set()


@those_that("carries_news", False)
def test_a_relay_without_news_drops_what_is_published(kind: Kind, start):
    one, other, third = start(kind.make), start(kind.peer), start(kind.peer)
    one.relay.publish({"kind": "typing"})
    settle(other, third.relay)
    assert {"kind": "typing"} not in other.news


@those_that("hears", False)
def test_a_relay_that_does_not_listen_receives_nothing(kind: Kind, start):
    one, other, third = start(kind.make), start(kind.peer), start(kind.peer)
    third.relay.ring()
    assert other.rang.wait(5)
    settle(other, third.relay)
    assert not one.rang.is_set() and one.news == []
