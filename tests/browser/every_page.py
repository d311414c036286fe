"""Every page in every state, to look at: python -m tests.browser.every_page FOLDER

Desktop and phone, light and dark, in the chat of the documents' pictures.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.pages import Window
from tests.browser.screenshots import WELCOME, Cast, gather, set_up, talk
from tests.browser.windows import PHONE, Desk, chromium
from tests.support.serving import serve

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
SIZES = {"desktop": DESKTOP, "phone": PHONE}
MUTED = {"error": {"code": "forbidden", "message": "You may not write here.", "field": None, "retry_after": None}}
PAGES = {  # name: whose eyes, address
    "home-visitor": (None, "/"), "sign-in": (None, "/sign-in"), "room-visitor": (None, "/rooms/lobby"),
    "nothing": (None, "/nowhere"), "self-test": (None, "/selftest"),
    "home": ("carol", "/"), "new-room": ("carol", "/rooms/new"), "me": ("carol", "/me"),
    "device": ("carol", "/device"), "claim": ("carol", "/owner/claim?code=1"),
    "room": ("carol", "/rooms/lobby"), "room-empty": ("carol", "/rooms/repairs"),
    "owner": ("alice", "/owner"),
    "message": ("alice", "/messages/{own}"), "message-ban": ("alice", "/messages/{other}"),
}  # fmt: skip


def main(folder: str) -> None:
    with ExitStack() as stage:
        server = stage.enter_context(serve(look_seconds=0, welcome=WELCOME))
        cast = gather(stage, server)
        set_up(server, cast)
        talk(server, cast)
        desk = Desk(stage.enter_context(chromium()), server.base_url)
        for size, options in SIZES.items():
            for scheme in "light", "dark":
                camera = Camera(desk, cast, Path(folder), size, {**options, "color_scheme": scheme})
                camera.take_pages()
                camera.take_states()


class Camera:
    def __init__(self, desk: Desk, cast: Cast, folder: Path, size: str, options: dict[str, object]) -> None:
        self._desk, self._cast, self._folder, self._options = desk, cast, folder, options
        self._size, self._look = size, f"{size}-{options['color_scheme']}"
        folder.mkdir(parents=True, exist_ok=True)
        ids = cast.alice.get("/rooms/lobby/messages").json["messages"]
        self._ids = {"own": ids[0]["id"], "other": ids[-2]["id"]}

    def take_pages(self) -> None:
        for name, (who, path) in PAGES.items():
            window = self._open(who)
            window.go(path.format(**self._ids))
            if path.startswith("/rooms/") and path != "/rooms/new":
                window.find("html.scripted").wait_for()
            self._take(window, name, full=not path.startswith("/rooms/l"))

    def take_states(self) -> None:
        for state in STATES:
            state(self)

    def room(self, **options: object) -> Window:
        """The lobby as Carol finds it, what she has read being what it was."""
        window = self._open("carol", **options)
        window.page.route("**/read", lambda route: route.fulfill(status=204))
        return window.go("/rooms/lobby")

    def snap(self, window: Window, name: str) -> None:
        self._take(window, name)

    @property
    def is_phone(self) -> bool:
        return self._size == "phone"

    def _open(self, who: str | None, **options: object) -> Window:
        chosen = {"reduced_motion": "reduce", **self._options, **options}
        return self._desk.window(getattr(self._cast, who) if who else None, **chosen)

    def _take(self, window: Window, name: str, full: bool = False) -> None:
        window.page.screenshot(path=self._folder / f"{name}-{self._look}.png", full_page=full)
        window.page.context.close()


def send(window: Window, text: str) -> None:
    """By the button, which is there on a phone, too."""
    window.composer.fill(text)
    window.press("Send")


def plain(camera: Camera) -> None:
    camera.snap(camera.room(java_script_enabled=False), "room-plain")


def offline(camera: Camera) -> None:
    window = camera.room().expect_live()
    window.context.set_offline(True)
    expect(window.state).to_contain_text("ffline")
    send(window, "Said in a tunnel")
    camera.snap(window, "room-offline")


def refused(camera: Camera) -> None:
    window = camera.room().expect_live()
    window.page.route("**/messages?*", lambda route: route.fulfill(status=403, json=MUTED))
    send(window, "Refused")
    window.failed.wait_for()
    camera.snap(window, "room-failed")


def acts(camera: Camera) -> None:
    window = camera.room().expect_live()
    own = window.message("Yes, all forty metres of it")
    (own.locator(".more").tap if camera.is_phone else own.hover)()
    camera.snap(window, "room-acts")


def large_text(camera: Camera) -> None:
    window = camera.room().double_text().expect_live()
    camera.snap(window, "room-large-text")


def forced_colours(camera: Camera) -> None:
    camera.snap(camera.room(forced_colors="active").expect_live(), "room-forced-colours")


def wide(camera: Camera) -> None:
    if not camera.is_phone:
        camera.snap(camera.room(viewport={"width": 1900, "height": 900}).expect_live(), "room-wide")


def panels(camera: Camera) -> None:
    for button in ("to-rooms", "to-people") if camera.is_phone else ():
        window = camera.room().expect_live()
        window.find(f"#{button}").tap()
        camera.snap(window, f"panel-{button}")


STATES: tuple[Callable[[Camera], None], ...] = (
    plain, offline, refused, acts, large_text, forced_colours, wide, panels)

if __name__ == "__main__":
    main(*sys.argv[1:])
