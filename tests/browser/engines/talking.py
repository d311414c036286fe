"""A room's page in any engine, in the domain's words; `tests/browser/pages.py` is the same for Chromium alone."""

from typing import Any

from tests.browser.engines.engine import Page
from tests.support.serving import PATIENCE_SECONDS

TEXTS = "Array.from(document.querySelectorAll('#rows .message[data-id] .text'), text => text.innerText)"
LIVE = "live"
# The words about the connection, or where there are none because all is well, `LIVE`.
STATE = """(place => place.className === 'state live' ? 'live' : place.innerText.trim())(
    document.getElementById('state'))"""
CHECKING = r"Updates every \d+ s"
HELD_UP = r"Reconnecting in \d+ s"


class Talk:
    """What somebody sees and does in the room that `page` shows."""

    def __init__(self, page: Page) -> None:
        self.page = page

    # What stands there

    @property
    def said(self) -> list[str]:
        """The messages, in their order; tombstones have no text."""
        return self.page.run(TEXTS)

    @property
    def state(self) -> str:
        """The words about the connection."""
        return self.page.run(STATE)

    def expect_state(self, pattern: str, within: float = PATIENCE_SECONDS) -> "Talk":
        self.page.wait(f"new RegExp({f'^({pattern})$'!r}).test({STATE})", within=within)
        return self

    def expect_said(self, *texts: str, within: float = PATIENCE_SECONDS) -> None:
        """Exactly this, once each, in this order."""
        self.page.wait("texts => " + TEXTS + ".length >= texts.length", list(texts), within=within)
        self.page.wait(f"texts => JSON.stringify({TEXTS}) === JSON.stringify(texts)", list(texts), within=within)

    def expect_message(self, text: str, within: float = PATIENCE_SECONDS) -> None:
        self.page.wait(f"text => {TEXTS}.indexOf(text) >= 0", text, within=within)

    # What one does

    def sign_in(self, name: str) -> None:
        self.page.type("input[name=name]", f"{name}\n")
        self.page.wait("window.Chat && Chat.me && document.getElementById('state')")

    def say(self, text: str) -> None:
        self.page.type("#body", f"{text}\n")

    def edit(self, text: str, added: str) -> None:
        """Type that much more at the end of the message."""
        self._act(text, "edit")
        self.page.wait("document.querySelector('.edit-form textarea')")
        self.page.run("void document.querySelector('.edit-form textarea').setSelectionRange(9999, 9999)")
        self.page.type(".edit-form textarea", f"{added}\n")

    def remove(self, text: str) -> None:
        """Ask for it, and confirm it; another act is the end of the time in which it can be undone."""
        self._act(text, "remove")
        self.page.click(".menu .confirm")
        self.page.run("void Chat.removal.flush()")

    def _act(self, text: str, act: str) -> None:
        """Point at the message, open its menu and choose."""
        row = f"#rows .message[data-id='{self._id_of(text)}']"
        self.page.click(f"{row} .text")
        self.page.click(f"{row} .acts .more")
        self.page.click(f".menu .{act}")

    def _id_of(self, text: str) -> Any:
        return self.page.run("""text => {
            const rows = Array.from(document.querySelectorAll('#rows .message[data-id]'));
            return rows.find(row => row.querySelector('.text')?.innerText === text).getAttribute('data-id');
        }""", text)


def enter(page: Page) -> Talk:
    """Look at the page, and wait until it is live."""
    return Talk(page).expect_state(LIVE)
