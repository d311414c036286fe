"""The chat as somebody at a window sees it, in the domain's words."""

import re
from typing import Any

from playwright.sync_api import BrowserContext, Error, Locator, Page, expect

from tests.support.serving import eventually

Box = dict[str, float]
LIVE = "state live"  # the class of the place where words would stand
# A page is its own before its styles have come, and all its parts are shown then.
ARE_STYLED = "[...document.querySelectorAll('link[rel=stylesheet]')].every(link => link.sheet)"
# Is over when the page has been told that its log was scrolled.
SCROLL = """log => new Promise(isTold => {
    const all = log.scrollHeight, before = log.scrollTop;
    log.scrollTop = %s;
    if (log.scrollTop === before) { isTold(); }
    else { log.addEventListener('scroll', () => isTold(), { once: true }); }
})"""


class Window:
    """One window of a browser. `page` is Playwright's own, `complaints` what was written to its console."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.complaints: list[str] = []

    @property
    def room(self) -> str:
        """The address of the room that it shows."""
        return self.find("#chat").get_attribute("data-room") or ""

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    # Going about

    def go(self, path: str = "/") -> "Window":
        # Not until all is loaded: the live frame of pages without script is held by the server, for news.
        self.page.goto(self.base_url + path, wait_until="domcontentloaded")
        return self.expect_styled()

    def enter(self, room: str = "lobby") -> "Window":
        """Open the room, and wait until it is live."""
        self.go(f"/rooms/{room}")
        return self.expect_live()

    def reload(self) -> "Window":
        self.page.reload(wait_until="domcontentloaded")
        return self.expect_live()

    def beside(self) -> "Window":
        """Another tab of the same person."""
        other = Window(self.context.new_page(), self.base_url)
        other.complaints = self.complaints
        return other

    def sign_in(self, name: str) -> "Window":
        """Answer the one question, wherever it stands on this page."""
        self.page.get_by_label("Your name").fill(name)
        self.press("Join")
        return self

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    # How it stands

    @property
    def state(self) -> Locator:
        """The words about the connection; empty as long as all is well."""
        return self.find("#state")

    def expect_live(self) -> "Window":
        expect(self.state).to_have_class(LIVE)
        return self

    def expect_settled(self) -> "Window":
        """It has found its way to hear: live, or if there is none that holds, by asking now and then."""
        expect(self.state).to_have_class(re.compile("^state (live|checking)$"))
        return self

    def expect_styled(self) -> "Window":
        """What the page shows is as it is meant: without script, a page is there before its styles are."""
        eventually(self._is_styled)
        return self

    def _is_styled(self) -> bool:
        try:
            return self.page.evaluate(ARE_STYLED)
        except Error:
            return False  # the next page is already on its way

    @property
    def heading(self) -> Locator:
        return self.find("h1")

    # The log

    @property
    def rows(self) -> Locator:
        """Everything in the log that a message is, said or not yet."""
        return self.find("#rows .message")

    @property
    def messages(self) -> Locator:
        return self.find("#rows .message[data-id]")

    @property
    def texts(self) -> Locator:
        """What was said, in its order; tombstones have none."""
        return self.messages.locator(".text")

    def expect_said(self, *texts: str) -> None:
        """Exactly this stands in the log, in this order."""
        expect(self.texts).to_have_text(list(texts), use_inner_text=True)

    def message(self, text: str) -> Locator:
        """With this in it; "Word 5" is not in "Word 50"."""
        return self.messages.filter(has_text=re.compile(rf"{re.escape(text)}(?!\d)"))

    @property
    def pending(self) -> Locator:
        return self.find("#rows .message.pending")

    @property
    def failed(self) -> Locator:
        return self.find("#rows .message.failed")

    @property
    def new_rule(self) -> Locator:
        return self.find("#rows .rule.new")

    @property
    def day_rules(self) -> Locator:
        return self.find("#rows .rule.day")

    @property
    def jump(self) -> Locator:
        """The button that counts what came while one read elsewhere."""
        return self.find("#jump")

    def jump_to_end(self) -> None:
        """Go on at the end, where one has read everything."""
        self.scroll_log("all")
        expect(self.jump).to_be_hidden()

    def after_rule(self) -> Locator:
        """The message that stands right below the rule "New"."""
        return self.find("#rows .rule.new + .message")

    # The composer

    @property
    def composer(self) -> Locator:
        return self.find("#body")

    def say(self, text: str) -> None:
        """Type it and press Enter; it is pending then."""
        self.composer.fill(text)
        self.composer.press("Enter")

    # One's own messages

    def begin_edit(self, text: str) -> Locator:
        """Point at the message, press Edit; returns the field."""
        row = self.message(text)
        row.hover()
        row.locator("button.edit").click()
        return self.find(".edit-form textarea")

    def edit(self, text: str, new_text: str) -> None:
        field = self.begin_edit(text)
        field.fill(new_text)
        field.press("Enter")

    def remove(self, text: str) -> None:
        """Ask for it in the menu, confirm it, and let the time go by in which it could be undone."""
        self.open_menu(text)
        self.choose("Delete")
        self.menu.get_by_role("button", name="Delete").click()
        self.page.evaluate("Chat.removal.flush()")

    @property
    def menu(self) -> Locator:
        """What one may do with a message, or the question before it is deleted."""
        return self.find(".menu")

    def open_menu(self, text: str) -> None:
        row = self.message(text)
        row.hover()
        row.locator("button.more").click()

    def choose(self, name: str) -> None:
        self.menu.get_by_role("menuitem", name=name).click()

    # Rooms and people

    def badge(self, room: str) -> Locator:
        """How much is unread there."""
        return self.find(f'#room-list [data-room="{room}"] .badge')

    @property
    def here(self) -> Locator:
        """The names of those who are here."""
        return self.find("#roster-here .name")

    @property
    def away(self) -> Locator:
        return self.find("#roster-away .name")

    @property
    def typing(self) -> Locator:
        return self.find("#typing")

    # Where things stand on the screen

    def scroll_log(self, top: str) -> None:
        """Move the log as a wheel would, and let the page notice: `top` is an expression of its height, `all`."""
        self.find("#log").evaluate(SCROLL % top)

    def gap(self) -> float:
        """How many pixels of the log lie below what one sees."""
        return self.find("#log").evaluate("log => log.scrollHeight - log.clientHeight - log.scrollTop")

    def box(self, of: str | Locator) -> Box:
        found = (self.find(of) if isinstance(of, str) else of).bounding_box()
        assert found, f"{of} is not on the screen"
        return found

    def expect_in_view(self, of: str | Locator) -> None:
        """All of it lies within the window."""
        target = self.find(of) if isinstance(of, str) else of
        try:
            eventually(lambda: self._is_in_view(target))
        except AssertionError:
            found, size = target.bounding_box(), self.page.viewport_size
            raise AssertionError(f"{of} is not in view: it is at {found} in {size}") from None

    def _is_in_view(self, of: Locator) -> bool:
        box, size = of.bounding_box(), self.page.viewport_size
        assert size
        return bool(box and box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= size["width"] + 0.5
                    and box["y"] + box["height"] <= size["height"] + 0.5)

    def expect_no_wider(self) -> None:
        """Nothing is wider than the window: one cannot scroll sideways."""
        eventually(lambda: self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    # What only a test can do

    def hide(self) -> None:
        """The window is behind another one, or its tab is not in front."""
        self._set_visibility("hidden")

    def show(self) -> None:
        self._set_visibility("visible")

    def _set_visibility(self, state: str) -> None:
        self.page.evaluate("""state => {
            Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }""", state)

    def double_text(self) -> "Window":
        """The browser's own text size, as its user has set it, is twice the usual."""
        session = self.context.new_cdp_session(self.page)
        session.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
        return self

    def style(self, of: Locator, name: str, part: str | None = None) -> Any:
        return of.evaluate("(node, [name, part]) => getComputedStyle(node, part)[name]", [name, part])
