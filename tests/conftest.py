"""The cast and the stage: real servers, people with browsers, the rooms lobby and garden."""

import time

import pytest

from chat import runtime
from tests.support.clients import Bot, Person
from tests.support.serving import Server, over, serve

pytest_plugins = ["tests.support.plugin", "tests.support.second_try", "tests.browser.claims"]


@pytest.fixture(autouse=True)
def ordinary_runtime():
    """A test may make this process one that does not last; the next begins with threads again."""
    yield
    runtime.choose()


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server; each test makes databases of its own there."""
    pytest.importorskip("psycopg")
    from tests.support import postgres as postgresql  # late: it needs the driver

    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="session")
def redis():
    """A Redis server, which tests share as the sites of a host do."""
    pytest.importorskip("redis")
    from tests.support import redis_servers  # late: it needs the driver

    with redis_servers.running() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def kind_of_database(request):
    """The kind of database that servers have: SQLite, unless tests/server/conftest.py says otherwise."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        yield kind
        return
    postgres = request.getfixturevalue("postgres")
    with over(lambda: {"database_url": postgres.database()}):
        yield kind


@pytest.fixture(scope="session")
def shared(kind_of_database):
    """A server of two workers, with the once-a-second look switched off: only rings help."""
    with serve(look_seconds=0) as server:
        yield server


@pytest.fixture(scope="session")
def forgetful(kind_of_database):
    """The same with short rings, so that nearly all catching up is the store's."""
    with serve(look_seconds=0, ring_events=16) as server:
        yield server


@pytest.fixture(scope="session")
def chat(request, kind_of_database):
    """The server that tests share, unless a module says that it wants others, too."""
    return request.getfixturevalue(getattr(request, "param", "shared"))


@pytest.fixture(scope="session")
def lively(kind_of_database):
    """A server of two workers whose heart beats each second."""
    with serve(heartbeat_seconds=1) as server:
        yield server


@pytest.fixture(scope="session")
def full(kind_of_database):
    """A server that has no room for a stream."""
    with serve(look_seconds=0, streams=0) as server:
        yield server


@pytest.fixture(scope="session")
def quiet(kind_of_database):
    """A server that few tests share, so that the list of its rooms stays short: w3m draws 200 lines, no more."""
    with serve(look_seconds=0) as server:
        yield server


@pytest.fixture(scope="session")
def parting(lively):
    """Alice and carol have lost their connections while bob watches; alice is back, at the other worker.

    Gives alice, carol, bob's stream, and when it was. An early module asks for it, since it takes 20 s to be noticed.
    """
    one, other = lively.workers
    with Person(lively, one) as alice, Person(lively, one) as carol, Person(lively, other) as bob:
        streams = [person.sign_in(name).listen("room=lobby")
                   for person, name in ((alice, "alice P."), (carol, "carol P."), (bob, "bob P."))]
        watching = streams.pop()
        watching.expect("presence", lambda presence: presence["count"] == 3)
        for stream in streams:
            stream.close()
        gone_at = time.time()
        alice.worker = other
        alice.listen("room=lobby")
        yield alice, carol, watching, gone_at


@pytest.fixture
def people():
    """Makes persons, and sees to it that none leaves anything open."""
    made = []

    def person(server: Server, name: str | None = None, **options) -> Person:
        somebody = Person(server, **options)
        made.append(somebody)
        if name:
            free_name(server, name)
            somebody.sign_in(name)
        return somebody

    yield person
    for somebody in made:
        somebody.close()


def free_name(server: Server, name: str) -> None:
    """Whoever had the name in an earlier test has been away for years."""
    server.query("UPDATE users SET seen_at = '2001-01-01T00:00:00.000Z' WHERE name = ? AND kind = 'guest'", name)


@pytest.fixture(autouse=True)
def rooms_of_earlier_tests(request):
    """On a server that tests share, they keep nobody from giving a room the same name."""
    server = request.getfixturevalue("chat") if "chat" in request.fixturenames else None
    if isinstance(server, Server):
        free_room_names(server)


def free_room_names(server: Server) -> None:
    server.query("UPDATE rooms SET name_key = '~' || slug WHERE slug != 'lobby'")


@pytest.fixture
def alice(chat, people):
    """At the first worker."""
    return people(chat, "alice", worker=chat.workers[0])


@pytest.fixture
def bob(chat, people):
    """At the second worker."""
    return people(chat, "bob", worker=chat.workers[1])


@pytest.fixture
def carol(chat, people):
    return people(chat, "carol")


@pytest.fixture
def visitor(chat, people):
    """Somebody who has not said who they are."""
    return people(chat)


@pytest.fixture(scope="session")
def hals_key(chat):
    return chat.command("bot", "add", "hal").stdout.strip()


@pytest.fixture
def hal(chat, hals_key):
    """A bot."""
    with Bot(chat, hals_key) as bot:
        yield bot


@pytest.fixture(scope="session")
def gardener(chat):
    """Whoever opens the rooms that a test has to itself."""
    with Person(chat) as person:
        free_name(chat, "gardener")
        yield person.sign_in("gardener")


@pytest.fixture
def garden(gardener):
    """The address of a room that nobody else has been in."""
    room = gardener.post("/rooms", name="Garden").json
    gardener.post(f"/rooms/{room['slug']}/leave")
    return room["slug"]
