"""The pictures of the documents, taken from the running program: python -m tests.browser.screenshots

A small cast talks in a fresh chat; times are set to those of one evening and the morning after.
"""

from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import expect

from tests.browser.pages import Window
from tests.browser.windows import PHONE, Desk, chromium
from tests.support.clients import Bot, Person
from tests.support.serving import Server, eventually, serve

PICTURES = Path(__file__).parents[2] / "docs" / "img"
NOW = datetime(2026, 11, 20, 10, 4, tzinfo=timezone.utc)
WELCOME = "The neighbourhood's own chat. Pick a name and join."
TALK = [
    ("Alice", "-1 21:04", "The hall is booked for the 28th. Doors at six."),
    ("Alice", "-1 21:05", "Plan is here: https://example.org/plan"),
    ("Bob", "-1 21:09", "I can bring the amplifier. Carol, do you still have the long cable?"),
    ("Carol", "0 09:12", "Yes, all forty metres of it. It is in the shed behind the bicycles, and I can be there on "
                         "Friday from four if somebody helps me to carry it."),
    ("hal", "0 09:30", "Rain is expected on Friday after 17:00. Type `/weather` for more."),
    ("Dave", "0 10:01", "I have a van, we can go together"),
    ("Dave", "0 10:02", "Or is that too small?"),
]


class Cast(NamedTuple):
    alice: Person  # the owner
    bob: Person  # away
    carol: Person  # through whose eyes the pictures are
    dave: Person
    hal: Bot


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stage:
        server = stage.enter_context(serve(look_seconds=0, welcome=WELCOME))
        cast = gather(stage, server)
        set_up(server, cast)
        talk(server, cast)
        desk = Desk(stage.enter_context(chromium()), server.base_url)
        stage.callback(desk.close)
        take_all(desk, cast)


def gather(stage: ExitStack, server: Server) -> Cast:
    alice, bob, carol, dave = (stage.enter_context(Person(server)).sign_in(name)
                               for name in ("Alice", "Bob", "Carol", "Dave"))
    hal = stage.enter_context(Bot(server, server.command("bot", "add", "hal").stdout.strip()))
    return Cast(alice, bob, carol, dave, hal)


def set_up(server: Server, cast: Cast) -> None:
    """Alice becomes the owner and opens the rooms; everybody is there, Bob with his phone in his pocket."""
    cast.alice.post("/owner/claim", code=(server.instance / "owner-code").read_text().strip())
    cast.alice.post("/owner/rooms/lobby", name="Lobby", topic="Say hello. Announcements on Fridays.")
    for name, topic in ("Garden", "What grows, and who waters it"), ("Repairs", "Bring what is broken"):
        cast.alice.post("/rooms", name=name, topic=topic)
    for person in cast:
        person.post("/rooms/lobby/join")
        person.listen()
    eventually(lambda: "Bob" in cast.bob.get("/rooms/lobby/people").text)  # who has not arrived cannot be away
    cast.bob.post("/rooms/lobby/here", state="away")
    cast.carol.post("/rooms/garden/join")


def talk(server: Server, cast: Cast) -> None:
    """What is said in the lobby, and what Carol has not read."""
    by_name = {"Alice": cast.alice, "Bob": cast.bob, "Carol": cast.carol, "hal": cast.hal, "Dave": cast.dave}
    for name, when, text in TALK:
        answer = by_name[name].post("/rooms/lobby/messages", body=text)
        assert answer.status == 201, answer.text
        date_back(server, answer.json["id"], moment_of(when))
        if name == "hal":
            cast.carol.post("/rooms/lobby/read", id=answer.json["id"])
    cast.dave.post(f"/messages/{answer.json['id']}/remove")
    for text in "The last tomatoes are in", "Who takes the pumpkins?":
        cast.alice.say(text, room="garden")


def moment_of(when: str) -> datetime:
    """ "-1 21:04" is four past nine on the evening before."""
    days, clock = when.split()
    hour, minute = map(int, clock.split(":"))
    return NOW.replace(hour=hour, minute=minute) + timedelta(days=int(days))


def date_back(server: Server, message_id: int, moment: datetime) -> None:
    then = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    server.query("UPDATE messages SET created_at = ?, html = replace(html, created_at, ?) WHERE id = ?",
                 then, then, message_id)


def take_all(desk: Desk, cast: Cast) -> None:
    for name, options in (("room", {"color_scheme": "light"}), ("room-dark", {"color_scheme": "dark"}),
                          ("phone", {**PHONE, "device_scale_factor": 2})):
        take_room(desk, cast, name, **options)
    owner = desk.window(cast.alice).go("/owner")
    take(owner, "owner")


def take_room(desk: Desk, cast: Cast, name: str, **options: object) -> None:
    """The lobby as Carol finds it; she has not yet looked, so that the pictures do not differ by who came first."""
    window = desk.window(cast.carol, timezone_id="UTC", **options)
    window.page.clock.install(time=NOW)
    window.page.route("**/read*", lambda route: route.fulfill(status=204))
    window.enter("lobby")
    expect(window.here).to_have_count(4)
    expect(window.new_rule).to_be_visible()
    cast.dave.post("/rooms/lobby/typing")
    expect(window.typing).to_contain_text("Dave")
    take(window, name)


def take(window: Window, name: str) -> None:
    window.page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
