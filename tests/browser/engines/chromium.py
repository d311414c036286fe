"""Chromium, by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error
from playwright.sync_api import Page as PlaywrightPage

from tests.browser.engines.engine import Engine, Page
from tests.browser.windows import DESKTOP, chromium, chromium_again
from tests.support.serving import PATIENCE_SECONDS

# Playwright switches off what people have: pages that wait in the cache for Back.
CACHING = {"ignore_default_args": ["--disable-back-forward-cache"]}


@contextmanager
def start_chromium(beside: Browser | None = None) -> Iterator["Chromium"]:
    """`beside`: a browser of Playwright's that runs already, as it cannot be started twice in a thread."""
    with chromium_again(beside, **CACHING) if beside else chromium(**CACHING) as browser:
        yield Chromium(browser)


class Chromium(Engine):
    name = "chromium"

    def __init__(self, browser: Browser) -> None:
        super().__init__()
        self._browser = browser
        self.version = f"Chromium {browser.version}"

    def _new_page(self, base_url: str, cookies: dict[str, str], forgives: str) -> Page:
        context = self._browser.new_context(locale="en-GB", viewport=DESKTOP)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        context.add_cookies([{"name": name, "value": value, "url": base_url} for name, value in cookies.items()])
        heard: list[str] = []
        context.on("console", lambda said: note(heard, said))
        context.on("weberror", lambda raised: heard.append(str(raised.error)))
        return ChromiumPage(self, context, heard, base_url, forgives)

    def _close_all(self) -> None:
        for context in self._browser.contexts:
            context.close()


class ChromiumPage(Page):
    def __init__(self, engine: Chromium, context: BrowserContext, heard: list[str], *where: str) -> None:
        super().__init__(engine, *where)
        self._page: PlaywrightPage = context.new_page()
        self._all_heard = heard

    def go(self, url: str) -> Page:
        self._page.goto(self._absolute(url), wait_until="domcontentloaded")
        return self

    def reload(self) -> None:
        self._page.reload(wait_until="domcontentloaded")

    def beside(self, url: str) -> Page:
        other = ChromiumPage(self.engine, self._page.context, self._all_heard, self.base_url, self._forgives)
        return other.go(url)

    def close(self) -> None:
        self._page.close()

    def screenshot(self, path: Path) -> None:
        self._page.screenshot(path=path)

    def resize(self, width: int, height: int) -> None:
        self._page.set_viewport_size({"width": width, "height": height})

    def _type(self, selector: str, text: str) -> None:
        self._page.locator(selector).first.press_sequentially(text)

    def _click(self, selector: str) -> None:
        self._page.locator(selector).first.click()

    def _evaluate(self, expression: str) -> Any:
        try:
            return self._page.evaluate(expression)
        except Error as error:
            # A page that is just being replaced by the next has no answer.
            if "navigation" in error.message or "context was destroyed" in error.message:
                return None
            raise

    def _heard(self) -> list[str]:
        for page in self._page.context.pages:
            page.title()  # whatever has been said by now is heard
        return self._all_heard


def note(heard: list[str], said: ConsoleMessage) -> None:
    if said.type in ("error", "assert"):
        heard.append(f"{said.text} ({said.location.get('url')})")
