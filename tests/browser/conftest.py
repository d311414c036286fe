"""A window of a real Chromium for everybody in the cast, and the three engines."""

from contextlib import ExitStack

import pytest

from tests.browser.engines import COMMANDS, ENGINES
from tests.browser.windows import Desk, chromium
from tests.support.plugin import find_tool, install_command
from tests.support.serving import serve


@pytest.fixture(scope="session")
def browser():
    if not find_tool("chromium"):
        pytest.skip(f"chromium is missing: {install_command('chromium')}")
    with chromium() as browser:
        yield browser


@pytest.fixture
def serving():
    """Starts servers of one's own, which end after every window is closed."""
    with ExitStack() as servers:
        yield lambda **settings: servers.enter_context(serve(look_seconds=0, **settings))


@pytest.fixture
def window(browser, chat, serving):
    """Opens windows: `window(carol, garden)`. What a page writes to its console fails the test."""
    desk = Desk(browser, chat.base_url)
    yield desk.window
    desk.close()


@pytest.fixture(autouse=True)
def claim(request, record_property):
    """Notes which browser a test leads through the steps that it `shows`."""
    for mark in request.node.iter_markers("shows"):
        browser = mark.kwargs.get("browser") or request.getfixturevalue(mark.kwargs.get("by", "engine")).version
        record_property("shows", (browser, mark.args[0]))


@pytest.fixture(scope="session", params=list(ENGINES))
def engine_that_runs(request):
    """Each engine, started once for all tests of this process."""
    for command in COMMANDS[request.param]:
        if not find_tool(command):
            pytest.skip(f"{command} is missing: {install_command(command)}")
    # Playwright cannot be started twice in a thread: its second browser is one beside the first.
    beside = [request.getfixturevalue("browser")] if request.param == "chromium" else []
    with ENGINES[request.param](*beside) as engine:
        yield engine


@pytest.fixture
def engine(engine_that_runs, serving):
    """Chromium, then Firefox, then WebKit: a test that asks for it runs in all three. What a page writes to its
    console fails the test."""
    yield engine_that_runs
    engine_that_runs.clear()
