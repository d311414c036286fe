"""Firefox, by WebDriver BiDi: puppeteer-core in a node process (firefox.mjs), as Playwright drives only its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.browser.engines.driver import Driver, DriverError, driver
from tests.browser.engines.engine import Engine, Page
from tests.browser.windows import DESKTOP
from tests.support.plugin import find_tool
from tests.support.serving import PATIENCE_SECONDS

# A page that is just being replaced by the next has no answer.
REPLACED = ("context was destroyed", "DiscardedBrowsingContext", "no such frame", "detached", "AbortError",
            "navigation")


@contextmanager
def start_firefox() -> Iterator["Firefox"]:
    with driver("firefox.mjs", str(find_tool("firefox-esr")), str(PATIENCE_SECONDS * 1000)) as firefox:
        yield Firefox(firefox)


class Firefox(Engine):
    name = "firefox"

    def __init__(self, firefox: Driver) -> None:
        super().__init__()
        self.driver = firefox
        self.version = "Firefox " + firefox.order("version").removeprefix("firefox/")

    def _new_page(self, base_url: str, cookies: dict[str, str], forgives: str) -> Page:
        where = {"domain": urlsplit(base_url).hostname, "path": "/"}
        context = self.driver.order("context", cookies=[{"name": name, "value": value, **where}
                                                        for name, value in cookies.items()])
        return FirefoxPage(self, context, base_url, forgives)

    def _close_all(self) -> None:
        self.driver.order("clear")
        self.driver.heard.clear()


class FirefoxPage(Page):
    engine: Firefox

    def __init__(self, engine: Firefox, context: str, *where: str) -> None:
        super().__init__(engine, *where)
        self._context = context
        self._page = engine.driver.order("page", context=context)
        self.resize(**DESKTOP)

    def go(self, url: str) -> Page:
        self._order("go", url=self._absolute(url))
        return self

    def reload(self) -> None:
        self._order("reload")

    def beside(self, url: str) -> Page:
        return FirefoxPage(self.engine, self._context, self.base_url, self._forgives).go(url)

    def close(self) -> None:
        self._order("close")

    def screenshot(self, path: Path) -> None:
        self._order("screenshot", path=str(path))

    def resize(self, width: int, height: int) -> None:
        self._order("resize", width=width, height=height)

    def _type(self, selector: str, text: str) -> None:
        self._order("front")
        self._order("type", selector=selector, text=text)

    def _click(self, selector: str) -> None:
        self._order("front")
        self._order("click", selector=selector)

    def _order(self, order: str, **details: Any) -> Any:
        return self.engine.driver.order(order, page=self._page, **details)

    def _evaluate(self, expression: str) -> Any:
        try:
            return self._order("evaluate", expression=expression)
        except DriverError as error:
            if any(words in str(error) for words in REPLACED):
                return None
            raise

    def _heard(self) -> list[str]:
        self.engine.driver.order("version")  # whatever has been said by now is heard
        return self.engine.driver.heard.get(self._context, [])
