"""A real Chromium, and windows in it that listen for whatever the page complains of."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Error, expect, sync_playwright

from tests.browser.pages import Window
from tests.support.clients import Person
from tests.support.plugin import find_tool
from tests.support.serving import PATIENCE_SECONDS

# Parts of Chromium's own window that are pages, with processes of their own, for each window that nobody sees.
OWN_PAGES = ("InitialWebUI", "WebUIOmniboxPopup", "WebUIReloadButton")
# Chromium takes only the last list of what to switch off, so that Playwright's stands in ours.
OFF_BY_PLAYWRIGHT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch")
FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         f"--disable-features={','.join([*OFF_BY_PLAYWRIGHT, *OWN_PAGES])}")
DESKTOP = {"width": 1180, "height": 860}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NOTHING = "(?!)"
# What a SharedWorker asks is out of the reach of routes and emulation; without one the page itself asks.
IN_THE_PAGE = "delete window.SharedWorker"
# What Chromium itself writes when a request gets no answer: a page cannot prevent it.
LOST = r"net::ERR_"

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


@contextmanager
def chromium(**options: Any) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_tool("chromium"), args=FLAGS, **options)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def chromium_again(browser: Browser, **options: Any) -> Iterator[Browser]:
    """Another Chromium beside this one, started with other options of Playwright's."""
    another = browser.browser_type.launch(executable_path=find_tool("chromium"), args=FLAGS, **options)
    try:
        yield another
    finally:
        another.close()


class Desk:
    """Opens windows at a server, each with its own cookies, and fails at the end when one of them has complained."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        self._browser = browser
        self._base_url = base_url
        self._open: list[tuple[Window, str]] = []

    def window(self, person: Person | None = None, room: str | None = None, *, at: str | None = None,
               forgives: str = NOTHING, scripts: Sequence[str] = (), **options: Any) -> Window:
        """A window in which this person is signed in, at the room if one is given, live.

        `at` is the address of another server or of a proxy, `forgives` a pattern of complaints that belong to the
        test; `scripts` run before any of a page's own; the options are those of Playwright's contexts.
        """
        chosen = {"locale": "en-GB", "timezone_id": "Europe/Berlin", "viewport": DESKTOP} | options
        base_url = at or self._base_url
        context = self._browser.new_context(**chosen)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        if person:
            context.add_cookies([{"name": name, "value": value, "url": f"{base_url}/"}
                                 for name, value in person.cookies.items()])
        for script in scripts:
            context.add_init_script(script)
        window = Window(context.new_page(), base_url)
        context.on("console", lambda said: note(window, said))
        context.on("weberror", lambda raised: window.complaints.append(str(raised.error)))
        self._open.append((window, forgives))
        if room:
            window.enter(room)
        return window

    def close(self) -> None:
        complaints = []
        for window, forgives in self._open:
            try:
                window.page.title()  # whatever it has said by now is heard
            except Error:
                pass  # it was closed by the test
            complaints += [each for each in window.complaints if not re.search(forgives, each)]
            window.page.context.close()
        assert not complaints, f"the page complained: {complaints}"


def note(window: Window, said: ConsoleMessage) -> None:
    """Errors of scripts, refused loads and every report of the Content-Security-Policy come this way."""
    if said.type in ("error", "assert"):
        window.complaints.append(f"{said.text} ({said.location.get('url')})")
