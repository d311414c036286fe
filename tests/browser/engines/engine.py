"""What a test may ask of a browser, whichever engine is in it."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.browser.engines.foreword import foreword
from tests.support.serving import PATIENCE_SECONDS, eventually

NOTHING = "(?!)"
MOST_SHOWN = 4
TEXT = "document.body ? document.body.innerText : ''"
IS_SHOWN = """selector => {
    const found = document.querySelector(selector);
    return Boolean(found && found.getClientRects().length) && !found.disabled;
}"""


class Page(ABC):
    """One tab. Tabs that were opened `beside` each other share cookies, storage and workers; others share nothing."""

    def __init__(self, engine: "Engine", base_url: str, forgives: str) -> None:
        self.engine = engine
        self.base_url = base_url
        self._forgives = forgives

    # Going about; none of these waits for more than the document itself

    @abstractmethod
    def go(self, url: str) -> "Page":
        """Show this address: a path of the site at which the page was opened, or a whole address."""

    def back(self) -> None:
        """As the button does. What is shown again, and whether from the cache, is the test's to wait for."""
        self.run("void history.back()")

    @abstractmethod
    def reload(self) -> None: ...

    @abstractmethod
    def beside(self, url: str) -> "Page":
        """Another tab of the same browser and person."""

    @abstractmethod
    def close(self) -> None:
        """Close the tab, as its cross does."""

    # What it shows

    def run(self, js: str, *arguments: Any) -> Any:
        """The value of an expression, or of a function called with these arguments, as JSON has it; promises are
        waited for. The expression may not throw."""
        return self._evaluate(call_of(js, arguments))

    def wait(self, condition: str, *arguments: Any, within: float = PATIENCE_SECONDS) -> None:
        """Wait until the expression, or the function called with these arguments, is true; else fail with what the
        page shows."""
        is_true = f"Boolean({call_of(condition, arguments)})"
        try:
            eventually(lambda: self.run(is_true), within)
        except AssertionError:
            raise AssertionError(f"not within {within} s in {self.engine.name}: {call_of(condition, arguments)}\n"
                                 f"The page complained {self.complaints()[:MOST_SHOWN]} and shows:\n{self.run(TEXT)}"
                                 ) from None

    def text(self, selector: str) -> str:
        """What one sees of the first such element; "" where there is none."""
        return self.run("s => { const found = document.querySelector(s); return found ? found.innerText.trim() : ''; }",
                        selector)

    def texts(self, selector: str) -> list[str]:
        return self.run("s => Array.from(document.querySelectorAll(s), found => found.innerText.trim())", selector)

    def sees(self, selector: str) -> bool:
        return self.run(IS_SHOWN, selector)

    @abstractmethod
    def screenshot(self, path: Path) -> None: ...

    @abstractmethod
    def resize(self, width: int, height: int) -> None: ...

    # What one does there, by keyboard and mouse of the engine itself

    def type(self, selector: str, text: str) -> None:
        """Put the cursor there and type; a line end is the key Enter."""
        self.wait(IS_SHOWN, selector)
        self._type(selector, text)

    def click(self, selector: str) -> None:
        self.wait(IS_SHOWN, selector)
        self._click(selector)

    def press(self, words: str) -> None:
        """Click the one button or link that bears these words."""
        self.wait("""words => {
            const all = Array.from(document.querySelectorAll('button, a, summary, input[type=submit]'));
            const found = all.filter(each => each.offsetParent && (each.innerText || each.value).trim() === words);
            all.forEach(each => each.removeAttribute('data-to-press'));
            if (found.length === 1) { found[0].setAttribute('data-to-press', ''); }
            return found.length === 1;
        }""", words)
        self.click("[data-to-press]")

    # What went wrong

    def complaints(self) -> list[str]:
        """Errors that this page, its frames or its workers wrote to the console, less those that are forgiven."""
        return [each for each in self._heard() if not re.search(self._forgives, each)]

    # What each engine does in its own way

    @abstractmethod
    def _type(self, selector: str, text: str) -> None: ...

    @abstractmethod
    def _click(self, selector: str) -> None: ...

    @abstractmethod
    def _evaluate(self, expression: str) -> Any: ...

    @abstractmethod
    def _heard(self) -> list[str]: ...

    def _absolute(self, url: str) -> str:
        return url if "://" in url else self.base_url + url


def call_of(js: str, arguments: Sequence[Any]) -> str:
    """An expression: the script itself, or the call of the function that it is."""
    return f"({js})({', '.join(map(json.dumps, arguments))})" if arguments else f"({js})"


class Engine(ABC):
    """A browser that was started once; `version` is what it calls itself."""

    name: str
    version: str

    def __init__(self) -> None:
        self._pages: list[Page] = []
        self._aids = ExitStack()

    def open(self, url: str, cookies: Mapping[str, str] | None = None, before: str = "",
             forgives: str = NOTHING) -> Page:
        """A tab of a browser that has never been anywhere, with these cookies, at this absolute address.

        `before` is script that runs before any of the site's own, in its pages and in its workers; the page is then
        at another port of the same host. `forgives` is a pattern of complaints that belong to the test.
        """
        parts = urlsplit(url)
        base_url = f"{parts.scheme}://{parts.netloc}"
        if before:
            assert parts.hostname and parts.port
            base_url = self._aids.enter_context(foreword(parts.hostname, parts.port, self._foreword(before)))
        page = self._new_page(base_url, dict(cookies or {}), forgives)
        self._pages.append(page)
        return page.go(url.removeprefix(f"{parts.scheme}://{parts.netloc}") or "/")

    def clear(self) -> None:
        """Close every page, and fail when one has complained: no script error in any engine."""
        complaints = [complaint for page in self._pages for complaint in page.complaints()]
        self._pages.clear()
        self._close_all()
        self._aids.close()
        assert not complaints, f"the page complained in {self.name}: {complaints[:MOST_SHOWN]}"

    def _foreword(self, script: str) -> str:
        """What this engine puts before that."""
        return script

    @abstractmethod
    def _new_page(self, base_url: str, cookies: dict[str, str], forgives: str) -> Page: ...

    @abstractmethod
    def _close_all(self) -> None: ...
