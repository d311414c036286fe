"""Two hosts, a database and a Redis server, each on a network of its own: whatever is cut or killed, nothing is lost,
repeated or out of order.

Packets are dropped, so that nobody is told. Writers repeat what was not answered, as the page does; readers come back
where they stood.
"""

import http.client
import itertools
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import NamedTuple

import pytest

from tests.support import network
from tests.support import postgres as postgresql
from tests.support.clients import Person
from tests.support.network import Host
from tests.support.plugin import needs_tool
from tests.support.postgres import Postgres
from tests.support.serving import GUNICORN, PATIENCE_SECONDS, Server, eventually, serve

pytest.importorskip("redis")

from tests.support import redis_servers
from tests.support.redis_servers import Redis

pytestmark = [needs_tool("ip"), pytest.mark.skipif(os.getuid() != 0, reason="only root can make networks")]

PAUSE_SECONDS = 0.05
NOTICED_SECONDS = 16.0  # a path that is dead is found within 15
HEALED_SECONDS = 10.0
LAST_SECONDS = 60.0
FORGIVES = "can't be used now|did not answer in time|could not save|upkeep: |look: |ring: |made known|^Traceback" \
           "|other processes can't be|could not close"


class Site(NamedTuple):
    hosts: list[Host]
    servers: list[Server]
    database_host: Host
    database: Postgres
    redis_host: Host
    redis: Redis
    url: str


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Two servers of two workers each."""
    with ExitStack() as running:
        *hosts, database_host, redis_host = running.enter_context(network.hosts("a", "b", "db", "redis"))
        database = running.enter_context(postgresql.running(host=database_host))
        redis = running.enter_context(redis_servers.running(host=redis_host))
        settings = {"database_url": database.database(), "relay_url": redis.url, "secret": secrets.token_hex(32)}
        servers = [
            running.enter_context(serve(command=[*host.command, *GUNICORN], environ={"HOST": host.address},
                                        forgives=FORGIVES, **settings))
            for host in hosts
        ]
        yield Site(hosts, servers, database_host, database, redis_host, redis, settings["database_url"])


class Writer(threading.Thread):
    """Posts one message after the other, and each again until it is acknowledged."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.acknowledged: list[tuple[int, str]] = []  # an id, and what was said
        self.must_stop = threading.Event()
        self._person = Person(server).sign_in(name)
        self._token = self._person.token()

    def run(self) -> None:
        with closing(self._person):
            for number in itertools.count():
                last = self.must_stop.wait(PAUSE_SECONDS)
                self._say(f"{self.name} {'last' if last else number}")
                if last:
                    return

    def _say(self, body: str) -> None:
        said = {"body": body, "client_id": body.replace(" ", "-")}
        while True:
            try:
                answer = self._person.post("/rooms/lobby/messages", token=self._token, **said)
                if answer.status in (200, 201):
                    return self.acknowledged.append((answer.json["id"], body))
                assert answer.status == 503, answer.text
            except (http.client.HTTPException, OSError):
                self._person.close()  # its connection is worth nothing any more
            time.sleep(PAUSE_SECONDS)


class Reader(threading.Thread):
    """Notes what the lobby says, over as many streams as it takes, until each of these has said its last."""

    def __init__(self, server: Server, since: int, until: set[str]) -> None:
        super().__init__(name=f"reader at {server.host}", daemon=True)
        self.heard: list[tuple[int, str]] = []
        self._person, self._last_id, self._missing = Person(server), since, set(until)
        self.wrong: list[str] = []

    def run(self) -> None:
        with closing(self._person):
            while self._missing:
                try:
                    self._listen()
                except (AssertionError, http.client.HTTPException, OSError):  # ended, or not answered
                    time.sleep(PAUSE_SECONDS)

    def _listen(self) -> None:
        with closing(self._person.listen("room=lobby", Last_Event_ID=str(self._last_id))) as stream:
            while self._missing:
                event = stream.expect(("message", "reset"))
                if event.name == "reset":
                    self.wrong.append(f"begin anew: {event.data}")
                    return self._missing.clear()
                self.heard.append((event.id, event.data["body"]))
                self._last_id = event.id
                self._missing.discard(event.data["body"])


class Talk:
    """Who writes and reads at both hosts while something happens."""

    def __init__(self, site: Site, name: str) -> None:
        self._site = site
        with Person(site.servers[0]) as somebody:
            since = somebody.cursor()
        self.writers = [Writer(server, f"{name} {letter}") for server, letter in zip(site.servers, "ab", strict=True)]
        last = {f"{writer.name} last" for writer in self.writers}
        self.readers = [Reader(server, since, last) for server in site.servers for _ in range(2)]

    def __enter__(self) -> "Talk":
        for thread in (*self.readers, *self.writers):
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self.writers:
            writer.must_stop.set()
        for thread in (*self.writers, *self.readers):
            thread.join(LAST_SECONDS)
            assert not thread.is_alive(), f"{thread.name} does not come to an end"

    def goes_on(self, within: float = PATIENCE_SECONDS) -> None:
        """Wait until each writer was acknowledged something more, and all readers have heard it."""
        deadline = time.monotonic() + within
        before = {writer: len(writer.acknowledged) for writer in self.writers}
        for writer, count in before.items():
            eventually(lambda writer=writer, count=count: len(writer.acknowledged) > count, deadline - time.monotonic())
            new = writer.acknowledged[-1]
            for reader in self.readers:
                eventually(lambda reader=reader, new=new: new in reader.heard, deadline - time.monotonic())

    def check(self) -> None:
        """Each message was acknowledged once, is there once, and was heard once by each reader, in its place."""
        rows = self._site.database.query(
            "SELECT id, body FROM messages WHERE body LIKE '{} %' ORDER BY id".format(
                self.writers[0].name.rpartition(" ")[0]), self._site.url)
        kept = [(int(id), str(body)) for id, body in rows]
        assert sorted(itertools.chain(*(writer.acknowledged for writer in self.writers))) == kept
        for reader in self.readers:
            assert reader.wrong == [] and reader.heard == kept, reader.name


WITHOUT_REDIS = {
    "Redis stands still": (lambda site: site.redis.pause(), lambda site: site.redis.resume()),
    "Redis is killed": (lambda site: site.redis.kill(), lambda site: site.redis.start()),
    "a host is cut off from it": (lambda site: network.cut(site.hosts[1], site.redis_host),
                                  lambda site: network.mend(site.hosts[1], site.redis_host)),
}
WITHOUT_DATABASE = {
    "it is restarted": (lambda site: site.database.stop(), lambda site: site.database.start()),
    "it is killed": (lambda site: site.database.kill(), lambda site: site.database.start()),
    "a host is cut off from it": (lambda site: network.cut(site.hosts[1], site.database_host),
                                  lambda site: network.mend(site.hosts[1], site.database_host)),
}


@pytest.mark.slow
@pytest.mark.parametrize("begin, end", WITHOUT_REDIS.values(), ids=WITHOUT_REDIS)
def test_without_redis_all_is_heard_by_looking_at_the_log(site: Site, begin, end):
    with Talk(site, secrets.token_hex(4)) as talk:
        talk.goes_on()
        begin(site)
        try:
            until = time.monotonic() + NOTICED_SECONDS
            while time.monotonic() < until:
                talk.goes_on()
        finally:
            end(site)
        talk.goes_on()
    talk.check()


@pytest.mark.slow
@pytest.mark.parametrize("begin, end", WITHOUT_DATABASE.values(), ids=WITHOUT_DATABASE)
def test_what_is_written_while_the_database_is_away_is_there_once_when_it_is_back(site: Site, begin, end):
    with Talk(site, secrets.token_hex(4)) as talk:
        talk.goes_on()
        begin(site)
        try:
            time.sleep(NOTICED_SECONDS)  # no state to wait for: nobody is told that packets are dropped
        finally:
            end(site)
        talk.goes_on(HEALED_SECONDS)
    talk.check()


def test_a_host_that_reaches_nobody_holds_up_nobody_else(site: Site):
    with Talk(site, secrets.token_hex(4)) as talk:
        talk.goes_on()
        for other in (site.database_host, site.redis_host):
            network.cut(site.hosts[1], other)
        try:
            with Person(site.servers[0]) as here:
                stream = here.listen("room=lobby")
                for _ in range(3):
                    stream.expect("message", lambda message: message["body"].startswith(talk.writers[0].name))
        finally:
            for other in (site.database_host, site.redis_host):
                network.mend(site.hosts[1], other)
        talk.goes_on()
    talk.check()


def test_connections_that_are_cut_and_a_host_that_is_killed_lose_nothing(site: Site):
    with Talk(site, secrets.token_hex(4)) as talk:
        for cut in (site.database.cut, site.redis.cut):
            talk.goes_on()
            cut()
        talk.goes_on()
        site.servers[1].kill()
        try:
            time.sleep(PAUSE_SECONDS)
        finally:
            site.servers[1].start()
        talk.goes_on()
    talk.check()
