"""The town: a chat with an owner, behind a proxy that says where people come from."""

from pathlib import Path

import pytest

from tests.conftest import free_name, free_room_names
from tests.support.serving import serve
from tests.support.town import Townsman, an_address

QUICK_MINUTES = ("-c", str(Path(__file__).with_name("quick_minutes.py")))


# These are run over PostgreSQL, too: a third of all tests here, some of each subject that the store has to do with.
OVER_BOTH = {
    "domain/test_ban.py", "domain/test_forgetting.py", "domain/test_guests.py", "domain/test_inbox.py",
    "domain/test_lists.py", "domain/test_messages.py", "domain/test_owner_places.py", "domain/test_owner_rooms.py",
    "domain/test_rooms.py", "domain/test_sessions.py", "domain/test_sign_out.py", "domain/test_visits.py",
    "domain/test_who.py", "realtime/test_poll.py", "realtime/test_presence.py", "realtime/test_rings.py",
    "realtime/test_stream.py", "realtime/test_visibility.py", "server/test_fairness.py", "web/test_errors.py",
    "web/test_forms.py", "web/test_pages.py",
}


def pytest_generate_tests(metafunc):
    """Each test of these files once for each kind of database."""
    if str(metafunc.definition.path.relative_to(Path(__file__).parent)) in OVER_BOTH:
        metafunc.parametrize("kind_of_database", ["sqlite", "postgresql"], indirect=True, scope="session")


@pytest.fixture(scope="session")
def town(kind_of_database):
    """Two workers, nothing but rings between them; what is done each minute is done each second."""
    with serve(look_seconds=0, trusted_proxies="127.0.0.1", keep_days=30, arguments=QUICK_MINUTES) as server:
        yield server


@pytest.fixture(scope="session")
def mayor(town):
    """The town's owner, at its first worker."""
    with Townsman(town) as mayor:
        mayor.sign_in("Mayor")
        claimed = mayor.post("/owner/claim", code=(town.instance / "owner-code").read_text().strip())
        assert claimed.status == 204, claimed.text
        yield mayor


@pytest.fixture
def townsman():
    """Makes somebody who comes from a given address or from one that nobody else has; a visitor without a name."""
    made = []

    def come(server, name=None, worker=0, address=None):
        somebody = Townsman(server, worker, address or an_address())
        made.append(somebody)
        if name:
            free_name(server, name)
            somebody.sign_in(name)
        return somebody

    yield come
    for somebody in made:
        somebody.close()


@pytest.fixture
def hall(town, mayor):
    """The address of a room in the town that nobody else has been in."""
    free_room_names(town)
    return mayor.post("/rooms", name="Hall").json["slug"]
