"""A real Chromium on the hosts that most will have: which step it ends on there, and a restart in the middle."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.obstacles import POLL, STREAM, obstacles_before
from tests.browser.windows import LOST, Desk
from tests.hosts.kinds import a_host, missing_tools
from tests.hosts.stage import make_system_python
from tests.support.clients import Person
from tests.support.serving import PATIENCE_SECONDS, eventually

CHECKING = re.compile(r"Updates every \d+ s$")
# Where processes answer one request each nobody is held; elsewhere the stream flows through all that stands between.
STATES = {"Apache, Passenger": CHECKING, "Apache, mod_wsgi": "", "nginx and Caddy, our worker": ""}
AFTER_RESTART_MS = 3 * PATIENCE_SECONDS * 1000  # a page waits longer from try to try


@pytest.fixture
def system_python(pytestconfig):
    return make_system_python(pytestconfig.cache.mkdir("hosts"))


@pytest.mark.parametrize("kind", [
    pytest.param(kind, marks=pytest.mark.skipif(bool(missing_tools(kind)), reason="see tests/system-packages.txt"))
    for kind in STATES])
def test_a_person_signs_in_talks_and_misses_nothing_of_a_restart(browser, system_python, kind):
    with (a_host(kind, system_python) as host, obstacles_before(host.host, host.port) as way,
          closing(Desk(browser, way.base_url)) as desk, Person(host) as alice):
        alice.sign_in("alice")
        hers = desk.window(forgives=f"{LOST}|status of 50").go("/rooms/lobby").sign_in("carol")
        hers.expect_settled()
        expect(hers.state).to_have_text(STATES[kind])
        hers.say("Is anybody here?")
        eventually(lambda: "Is anybody here?" in alice.look("/rooms/lobby").text)
        alice.say("I am")
        hers.expect_said("Is anybody here?", "I am")
        if not STATES[kind]:
            eventually(lambda: way.under_way(STREAM) == 1)
        else:
            assert way.asked(STREAM) and all("wait=0" in target for target in way.asked(POLL))

        with host.stage.away():
            hers.say("Are you still there?")
            expect(hers.pending).to_have_count(1)
        hers.page.evaluate("window.dispatchEvent(new Event('online'))")
        expect(hers.pending).to_have_count(0, timeout=AFTER_RESTART_MS)
        alice.close()  # the connection that it kept is gone
        alice.say("Again")
        expect(hers.texts).to_have_text(["Is anybody here?", "I am", "Are you still there?", "Again"],
                                        use_inner_text=True, timeout=AFTER_RESTART_MS)
        expect(hers.state).to_have_text(STATES[kind], timeout=AFTER_RESTART_MS)
