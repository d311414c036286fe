"""Every page of the chat, fetched through the app without a server, mounted below a path and in a pseudo-language.

Whatever people type is in Greek letters here, whatever comes from the catalogue stands in ⟦brackets⟧: a Latin letter
outside them is a word that no translator will ever see.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from babel.support import NullTranslations
from flask import Flask
from flask_babel import Domain

from chat.app import create_app
from chat.core import config
from chat.core.errors import STATUS, ChatError
from chat.domain import inbox, rooms
from chat.web import answers

MOUNT = "/chat"
SITE = {
    "CHAT_SITE_NAME": "Ἀγορά",
    "CHAT_WELCOME": "Χαῖρε",
    "CHAT_FOOTER_LINKS": "Νόμος=https://example.org/legal",
    "CHAT_LIMITS": "off",
}


class PseudoLanguage(NullTranslations):
    """Translates everything into itself in brackets, and keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def ugettext(self, message: str) -> str:
        self.asked.add(message)
        return f"⟦{message}⟧"

    def ungettext(self, singular: str, plural: str, num: int) -> str:
        self.asked.add(singular)
        return f"⟦{singular if num == 1 else plural}⟧"


@contextmanager
def pseudo_language() -> Iterator[PseudoLanguage]:
    language = PseudoLanguage()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Domain, "get_translations", lambda domain: language)
        yield language


@contextmanager
def opened_app(instance: Path) -> Iterator[Flask]:
    app = create_app(config.load({"CHAT_INSTANCE": str(instance), **SITE}))
    try:
        yield app
    finally:
        app.extensions["chat"].stop()


class Browser:
    """A person's browser; it keeps every page that it was shown, by a name."""

    def __init__(self, app: Flask, pages: dict[str, str]) -> None:
        self._client = app.test_client()
        self._pages = pages

    def see(self, name: str, path: str, status: int = 200) -> str:
        return self._keep(name, status, self._client.get(path, base_url=f"http://localhost{MOUNT}"))

    def refused(self, name: str, status: int, path: str, /, origin: str | None = None, **fields: str) -> None:
        """The page that a form leads to that cannot be accepted."""
        self._keep(name, status, self._post(path, fields, {"Origin": origin} if origin else {}))

    def send(self, path: str, /, **fields: str) -> str:
        """Send a form that is accepted; returns where it leads."""
        answer = self._post(path, fields, {})
        assert answer.status_code in (200, 303), f"{path}: {answer.status_code} {answer.text[-600:]}"
        return answer.location or answer.text

    def say(self, body: str) -> int:
        """The id of a new message in the lobby."""
        return int(self.send("/rooms/lobby/messages", body=body).rpartition("#m")[2])

    def _post(self, path: str, fields: dict[str, str], headers: dict[str, str]):
        token = self._client.get("/session", base_url=f"http://localhost{MOUNT}").json["csrf_token"]
        data = {"csrf_token": token, **fields}
        return self._client.post(path, base_url=f"http://localhost{MOUNT}", data=data, headers=headers)

    def _keep(self, name: str, status: int, answer) -> str:
        assert answer.status_code == status, f"{name}: {answer.status_code} {answer.location}"
        assert "text/html" in answer.content_type, name
        self._pages[name] = answer.text
        return answer.text


def every_page(app: Flask) -> dict[str, str]:
    """The html of every page and every error, by what it shows."""
    pages: dict[str, str] = {}
    visitor, alice, bob = (Browser(app, pages) for _ in range(3))
    lifecycle = app.extensions["chat"]
    lifecycle.start()
    lifecycle.process.store.write(rooms.change, "lobby", "Στοά", "")
    _see_as_visitor(visitor)
    alice.send("/sign-in", name="Ἀλίκη")
    alice.see("an empty room", "/rooms/lobby")
    _talk(app, alice, bob)
    visitor.see("a room, as a visitor", "/rooms/lobby")
    _send_what_is_refused(alice)
    _own(app, alice, bob)
    _see_errors(app, pages, visitor)
    return pages


def _see_as_visitor(visitor: Browser) -> None:
    visitor.see("the rooms, as a visitor", "/")
    visitor.see("sign in", "/sign-in")
    visitor.see("the self-test", "/selftest")
    visitor.see("help", "/help")
    visitor.refused("no name", 400, "/sign-in", name=" ")
    visitor.see("an empty frame", "/rooms/lobby/refresh?since=0")
    visitor.see("a device's link, opened", "/device?code=x")
    visitor.refused("a device's link, used up", 400, "/device/use", code="x")
    visitor.refused("a text without a name", 401, "/rooms/lobby/messages", body="Ἐγώ")
    visitor.refused("leaving without a name", 401, "/rooms/lobby/leave")


def _talk(app: Flask, alice: Browser, bob: Browser) -> None:
    store = app.extensions["chat"].process.store
    bob.send("/sign-in", name="Βάσος")
    bob.see("somebody else's room", "/rooms/lobby")
    edited, removed = alice.say("πρῶτον"), alice.say("δεύτερον")
    alice.send(f"/messages/{edited}/edit", body="πρῶτον δή")
    bob.say("ναί")
    alice.see("one's own message", f"/messages/{edited}")
    alice.see("a message, before it is removed", f"/messages/{removed}/remove")
    alice.send(f"/messages/{removed}/remove")
    alice.see("a removed message", f"/messages/{removed}")
    bob.see("somebody else's message", f"/messages/{edited}")
    bob.refused("somebody else's message, edited", 403, f"/messages/{edited}/edit", body="οὔ")
    store.write(inbox.post_as, "Ἅλς", "lobby", "δελτίον")
    alice.see("the rooms", "/")
    alice.see("a room", "/rooms/lobby")
    alice.see("a frame", "/rooms/lobby/refresh?since=0")
    for number in range(101):
        store.write(inbox.post_as, "Ἅλς", "lobby", str(number))
    alice.see("a long room", "/rooms/lobby")
    alice.see("an older page", f"/rooms/lobby?before={removed + 60}")
    alice.see("a frame that is full", "/rooms/lobby/refresh?since=0")
    alice.see("open a room", "/rooms/new")
    alice.see("another device", "/device")
    alice.see("signing out", "/sign-out")
    alice.see("about me", "/me")


def _send_what_is_refused(alice: Browser) -> None:
    alice.refused("a name that is taken", 409, "/sign-in", name="Βάσος")
    alice.refused("a text that is too long", 413, "/rooms/lobby/messages", body="ω" * 4001)
    alice.refused("too much at once", 413, "/rooms/lobby/messages", body="ω" * 300_000)
    alice.refused("a room without a name", 400, "/rooms", name=" ")
    alice.refused("a room's address that is taken", 409, "/rooms", name="Κῆπος", slug="lobby")
    alice.refused("no choice", 400, "/me/forget")
    alice.refused("a stale token", 400, "/rooms/lobby/messages", csrf_token="x", body="ἔτι")
    alice.refused("a foreign origin", 403, "/rooms/lobby/leave", origin="https://example.org")
    alice.refused("a wrong owner's code", 403, "/owner/claim", code="x")


def _own(app: Flask, alice: Browser, bob: Browser) -> None:
    """What the owner sees, and what others see of her acts."""
    code = app.extensions["chat"].process.owner_code()
    alice.see("the owner's link, opened", f"/owner/claim?code={code}")
    alice.send("/owner/claim", code=code)
    bobs, spare = bob.say("κακά"), bob.say("ἀγαθά")
    bob_id = re.search(rf'id="m{bobs}" data-id="{bobs}" data-author="(\d+)"', bob.see("mine", "/rooms/lobby"))
    assert bob_id
    alice.see("a message, as the owner", f"/messages/{spare}")
    alice.send(f"/messages/{bobs}/remove")
    alice.send("/rooms", name="Κῆπος", slug="7")
    alice.send("/owner/rooms/7", name="Ἄλσος", topic="λόγοι")
    for act in ("close", "reopen", "close"):
        alice.send(f"/owner/rooms/7/{act}")
    alice.send(f"/owner/people/{bob_id[1]}/end-sessions")
    alice.send(f"/owner/people/{bob_id[1]}/ban", reason="θόρυβος", **{"for": "2h"})
    alice.refused("a room removed by a slip", 400, "/owner/rooms/7/remove")
    alice.refused("a wrong setting", 400, "/owner/settings", CHAT_KEEP_DAYS="-1")
    alice.send("/owner/settings", CHAT_ENTRY_WORD="σύνθημα")
    alice.see("the owner's page", "/owner")
    bob.see("the entry word", "/enter")
    bob.refused("a wrong word", 401, "/enter", word="οὔ")
    alice.send("/owner/settings", CHAT_ENTRY_WORD="")
    alice.send(f"/owner/people/{bob_id[1]}/unban")
    alice.see("the owner's page, nobody banned", "/owner?name=-")
    alice.send("/device")


def _see_errors(app: Flask, pages: dict[str, str], visitor: Browser) -> None:
    visitor.see("nothing there", "/nowhere", 404)
    visitor.see("no such room", "/rooms/nowhere", 404)
    visitor.see("no such message", "/messages/99999", 404)
    visitor.see("a number that is none", "/rooms/lobby?before=x", 400)
    visitor.refused("a wrong method", 405, "/")
    for code, status in STATUS.items():
        error = ChatError(code, "Σφάλμα", retry_after_seconds=7, reason="θόρυβος", until=None)
        with app.test_request_context("/", base_url=f"http://localhost{MOUNT}", method="POST"):
            answer = answers.refused(error)
        assert answer.status_code == status
        pages[f"error {code}"] = answer.get_data(as_text=True)
