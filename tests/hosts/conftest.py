"""Every kind of host, one after another, each with its own copy of the program."""

import pytest

from tests.hosts.kinds import KINDS, a_host, missing_tools
from tests.hosts.stage import make_system_python
from tests.support.clients import Person


class Visitor(Person):
    """Somebody who asks for their token once: where each request is a new process, it would be half of all the work."""

    _token = ""

    def token(self):
        self._token = self._token or super().token()
        return self._token

    def sign_in(self, name):
        super().sign_in(name)
        self._token = ""  # the first was a visitor's
        return self


@pytest.fixture(scope="session")
def system_python(pytestconfig):
    return make_system_python(pytestconfig.cache.mkdir("hosts"))


@pytest.fixture(scope="module", params=KINDS)
def host(request, system_python):
    missing = missing_tools(request.param)
    if missing:
        pytest.skip(f"{', '.join(missing)}: see tests/system-packages.txt")
    with a_host(request.param, system_python) as host:
        yield host


@pytest.fixture(scope="module")
def alice(host):
    """By the host's first port."""
    with Visitor(host) as alice:
        yield alice.sign_in("alice")


@pytest.fixture(scope="module")
def bob(host):
    """By its last, which is another server's where there are two."""
    with Visitor(host.at((host.port, *host.others)[-1])) as bob:
        yield bob.sign_in("bob")


@pytest.fixture
def enter(host):
    """Makes further persons at this host."""
    made = []

    def come(name=None, host=host, **headers):
        somebody = Visitor(host, **headers)
        made.append(somebody)
        return somebody.sign_in(name) if name else somebody

    yield come
    for somebody in made:
        somebody.close()
