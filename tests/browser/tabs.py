"""Several tabs of one browser, and the talk that they hear; whichever way they share a line, all must show the same."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import expect

from tests.browser.pages import Window
from tests.browser.windows import IN_THE_PAGE
from tests.conftest import free_room_names
from tests.support.clients import Person
from tests.support.serving import Server

NO_WEB_LOCKS = "delete Navigator.prototype.locks"
NO_STREAMS = "delete window.EventSource; delete XMLHttpRequestEventTarget.prototype.onprogress"
PAUSE_SECONDS = 0.1
MANY = 100  # words; whoever goes on after them talks slowly, as one answer brings no more than 200
WAYS: dict[str, tuple[str, ...]] = {
    "by SharedWorker": (), "by Web Locks": (IN_THE_PAGE,), "by localStorage": (IN_THE_PAGE, NO_WEB_LOCKS)}


class Talk:
    """What a person says in a room."""

    def __init__(self, server: Server, person: Person, slug: str) -> None:
        self.slug = slug
        self._person = person
        self._server = server

    def in_another_room(self) -> "Talk":
        free_room_names(self._server)
        return Talk(self._server, self._person, self._person.post("/rooms", name="Meadow").json["slug"])

    def say(self, text: str) -> None:
        self._person.say(text, room=self.slug)

    def said(self) -> list[str]:
        """As the store has it."""
        answer = self._person.get(f"/rooms/{self.slug}/messages?limit=200").json
        assert not answer["more"]
        return [each["body"] for each in answer["messages"]]

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Meanwhile somebody talks on and on; at last there is a last word."""
        is_over = threading.Event()
        talker = self._person.also_at(self._server.workers[0])

        def talk() -> None:
            number = 0
            while not is_over.wait(PAUSE_SECONDS if number < MANY else 10 * PAUSE_SECONDS):
                number += 1
                talker.say(f"Word {number}", room=self.slug)

        thread = threading.Thread(target=talk, name="talk")
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
        self.say("The last")


def open_tabs(window: Callable[..., Window], person: Person | None, *rooms: str, **options: object) -> list[Window]:
    """Tabs of one browser, at these rooms, one after the other, all live."""
    first = window(person, **options)
    tabs = [first] + [first.beside() for _ in rooms[1:]]
    for tab, slug in zip(tabs, rooms, strict=True):
        tab.go(f"/rooms/{slug}")
    for tab in tabs:
        tab.expect_live()
    return tabs


def expect_the_same(talk: Talk, *tabs: Window) -> None:
    """Each shows exactly what the store has, in its order, and is live."""
    said = talk.said()
    for tab in tabs:
        tab.expect_said(*said)
        expect(tab.rows).to_have_count(len(said))
        tab.expect_live()
