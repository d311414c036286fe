"""w3m, lynx and links2 as somebody at a keyboard uses them: each by its own keys, through one vocabulary."""

import re
import subprocess
from pathlib import Path

from tests.browser.terminals import Terminal


class TextBrowser:
    """A text browser in a terminal: `open` an address, `follow` a link, `fill` a field, `press` a button."""

    COMMAND: tuple[str, ...]
    WITHOUT_COOKIES: tuple[str, ...]

    def __init__(self, terminal: Terminal, folder: Path) -> None:
        self.terminal = terminal
        self.folder = folder

    @property
    def version(self) -> str:
        """As the browser calls itself."""
        said = subprocess.run([self.COMMAND[0], "-version"], capture_output=True, text=True, check=True).stdout
        (number,) = re.findall(r"\b\d+\.[\w.]+", said)[:1]
        return f"{self.COMMAND[0]} {number}"

    def open(self, address: str, keeps_cookies: bool = True) -> None:
        self.prepare()
        options = () if keeps_cookies else self.WITHOUT_COOKIES
        self.terminal.start(*self.COMMAND, *options, address, **self.environ())

    def prepare(self) -> None:
        """Lay the settings that somebody who uses this browser every day would have."""

    def environ(self) -> dict[str, str]:
        return {}

    def sees(self, pattern: str, *, gone: str = "(?!)") -> str:
        """Wait until the page shows it; returns what the pattern's first group found, or all of it."""
        found = self.terminal.await_screen(pattern, gone=gone)
        return found[1] if found.re.groups else found[0]

    def fill(self, label: str, text: str) -> None:
        raise NotImplementedError

    def follow(self, words: str) -> None:
        raise NotImplementedError

    def press(self, words: str) -> None:
        raise NotImplementedError

    def follow_time_of(self, text: str) -> None:
        """The link that leads to a message's own page: the time in the line above its text."""
        raise NotImplementedError


class Numbering(TextBrowser):
    """One that shows a number beside whatever can be chosen."""

    def choose(self, number: str) -> None:
        """Go into a field, follow a link, press a button."""
        raise NotImplementedError

    def leave_field(self) -> None:
        self.terminal.press("Down")

    def fill(self, label: str, text: str) -> None:
        self.choose(self.sees(rf"{label}\s*\[(\d+)\]"))
        self.terminal.press("End", "C-u")
        self.terminal.type(text)
        self.sees(re.escape(text))
        self.leave_field()

    def follow(self, words: str) -> None:
        self.choose(self.sees(rf"\[(\d+)\]{words}"))

    def follow_time_of(self, text: str) -> None:
        self.terminal.press("Home")
        self.choose(self.sees(rf"\[(\d+)\]\d\d:\d\d UTC\s+{text}"))


class Lynx(Numbering):
    COMMAND = ("lynx", "-number_fields", "-accept_all_cookies", "-nopause")
    WITHOUT_COOKIES = ("-cookies",)  # a switch: it turns off what is on

    def choose(self, number: str) -> None:
        self.terminal.insist(lambda: self.terminal.type("0"), r"page\) number:")  # the other digits are arrows
        self.terminal.answer("page) number:", number)

    def leave_field(self) -> None:
        self.terminal.press("Tab")  # by an arrow one would only get to the next line of it

    def press(self, words: str) -> None:
        self.choose(self.sees(rf"\[(\d+)\]BUTTON\) {words}"))
        self.terminal.await_screen("Form submit button")
        self.terminal.press("Enter")


class Links(Numbering):
    COMMAND = ("links2", "-html-numbered-links", "1")

    def prepare(self) -> None:
        (self.folder / ".links2").mkdir()
        (self.folder / ".links2" / "links.cfg").touch()  # it has been used before: no welcome in the way

    def choose(self, number: str) -> None:
        self.terminal.type(number[0])
        self.terminal.await_screen("Go to link")
        self.terminal.type(number[1:])
        self.terminal.await_screen(rf"\| +{number} +\|")
        self.terminal.press("Enter")
        self.terminal.await_screen("", gone="Go to link")

    press = Numbering.follow


class W3m(TextBrowser):
    """It knows no numbers for fields: one searches for words, and goes from there by Tab."""

    COMMAND = ("w3m", "-o", "use_cookie=1", "-o", "accept_cookie=1", "-o", "confirm_qq=0")
    WITHOUT_COOKIES = ("-no-cookie",)

    def environ(self) -> dict[str, str]:
        """It edits longer texts in the editor of one's choice; here that one copies what is to be written."""
        editor = self.folder / "editor"
        editor.write_text(f'#!/bin/sh\nfor file; do :; done\ncp "{self.folder}/draft" "$file"\n')
        editor.chmod(0o755)
        return {"EDITOR": str(editor)}

    def find(self, words: str) -> None:
        self.sees(f"(?m){words}")
        self.terminal.press("g")
        self.terminal.insist(lambda: self.terminal.type("/"), "Forward:")
        self.terminal.answer("Forward:", words)

    def fill(self, label: str, text: str) -> None:
        (self.folder / "draft").write_text(text)
        self.find(label)
        self.terminal.press("Tab", "Enter")
        if not label.startswith("Your name"):
            return
        self.terminal.await_screen("TEXT:")
        self.terminal.answer("TEXT:", text)

    def follow(self, words: str) -> None:
        self.find(words)
        self.terminal.press("Enter")

    def press(self, words: str) -> None:
        """Its line ends with it, where a sentence may begin with the same word, or with a link to go back."""
        beside = f"{words} Cancel"
        self.follow(beside if beside in self.terminal.screen else f"{words}$")

    def follow_time_of(self, text: str) -> None:
        self.find(text)
        self.terminal.press("Escape", "Tab", "Enter")


BROWSERS = {"w3m": W3m, "lynx": Lynx, "links2": Links}
