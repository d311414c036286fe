"""Three engines behind one small interface, so that a test is written once and runs in Chromium, Firefox and WebKit."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.browser.engines.chromium import start_chromium
from tests.browser.engines.engine import Engine, Page
from tests.browser.engines.firefox import start_firefox
from tests.browser.engines.webkit import start_webkit

ENGINES: dict[str, Callable[..., AbstractContextManager[Engine]]] = {
    "chromium": start_chromium, "firefox": start_firefox, "webkit": start_webkit,
}
# Without any of these commands (tests/system-packages.txt) the engine's tests do not run.
COMMANDS = {
    "chromium": ("chromium",), "firefox": ("firefox-esr", "node"), "webkit": ("WebKitWebDriver", "Xvfb"),
}

__all__ = ["COMMANDS", "ENGINES", "Engine", "Page"]
