"""A window of a real Chromium for everybody in the cast."""

from contextlib import ExitStack

import pytest

from tests.browser.windows import Desk, chromium
from tests.plugin import find_tool, install_command
from tests.serving import serve


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
