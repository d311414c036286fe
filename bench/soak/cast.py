"""Who takes part in a soak: seats for readers of every way, pens for writers of every way, the rooms they meet in."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bench.guests import ROOM as LOBBY  # everybody is in it, and hears it
from bench.guests import Guest, sign_in
from bench.soak.asking import Caller
from bench.soak.diary import Seat
from bench.soak.server import Server
from bench.soak.writers import Pen
from bench.verdict import Invalid

GARDEN = "garden"  # heard by those who name no room
TIDE = "tide"  # some of them come and go
STAFF = "staff"  # closed: heard by those who were in it before
CLOSET = "closet"  # open, and nobody who reads has ever been in it
WAYS = {"held poll": 4, "short poll": 4, "frame": 2}
OF_EACH_OUTSIDER = 2
PAGES = 3
SCRIPTS, FORMS, BOTS = 10, 2, 2
WANDERERS = 20  # at most: each is a thread, and makes two events with each step
SHARES = {"script": 0.75, "bot": 0.15, "form": 0.1}  # of all that is written
INBOX_SECONDS, COMMAND_SECONDS, WANDER_SECONDS, SNOOP_SECONDS = 2.0, 10.0, 4.0, 1.0


class Cast(NamedTuple):
    streams: list[Seat]
    polls: list[Seat]
    outsiders: list[Seat]
    pages: list[Seat]
    pens: list[Pen]
    owner: Guest


def gather(server: Server, readers: int, outsiders: Sequence[str], has_pages: bool, rate: float) -> Cast:
    """Sign everybody in, open the rooms and close what is closed; `rate` is in messages a second, of all writers."""
    owner, snoop = sign_in(server.address, 1, "owner")[0], sign_in(server.address, 1, "snoop")[0]
    guests = sign_in(server.address, readers, "stream")
    polling = sign_in(server.address, sum(WAYS.values()), "poll")
    outside = sign_in(server.address, OF_EACH_OUTSIDER * len(outsiders), "outside")
    paging = sign_in(server.address, PAGES, "page")
    scripts, forms = sign_in(server.address, SCRIPTS, "script"), sign_in(server.address, FORMS, "form")
    _open_rooms(server, owner)
    listening = [*guests, *polling, *outside]
    _join(server, GARDEN, listening)
    _join(server, STAFF, [*scripts, *listening[::2]])
    _close_staff(server, owner)
    streams = [_stream_seat(number, guest) for number, guest in enumerate(guests)]
    wanderers = [seat.guest for seat in streams if seat.rooms is None and seat.guest][::2][:WANDERERS]
    return Cast(
        streams,
        _seats(polling, [way for way, count in WAYS.items() for _ in range(count)]),
        _seats(outside, [way for way in outsiders for _ in range(OF_EACH_OUTSIDER)]),
        [Seat(guest.name, "page", guest if number < PAGES - 1 else None, (LOBBY,))
         for number, guest in enumerate(paging) if has_pages],
        [*_pens(server, scripts, forms, rate), Pen("snoop", "snoop", (STAFF,), SNOOP_SECONDS, snoop),
         *(Pen("wanderer", guest.name, (TIDE,), WANDER_SECONDS, guest) for guest in wanderers)],
        owner,
    )


def _seats(guests: Sequence[Guest], ways: Sequence[str]) -> list[Seat]:
    """One for each; every second hears all that its guest is in, a frame has a room's page."""
    return [Seat(guest.name, way, guest, None if number % 2 == 0 and way != "frame" else (LOBBY,))
            for number, (guest, way) in enumerate(zip(guests, ways, strict=True))]


def _stream_seat(number: int, guest: Guest) -> Seat:
    """Of six: three hear all that they are in, one the lobby, one the lobby and a closed room, one is a visitor."""
    kind = number % 6
    if kind == 1:
        return Seat(guest.name, "stream", None, (LOBBY,))
    rooms = {3: (LOBBY,), 4: (LOBBY, STAFF)}.get(kind)
    return Seat(guest.name, "stream", guest, rooms)


def _pens(server: Server, scripts: Sequence[Guest], forms: Sequence[Guest], rate: float) -> list[Pen]:
    rooms = (LOBBY, LOBBY, LOBBY, LOBBY, GARDEN, TIDE, STAFF)
    bots = [f"bot {number}" for number in range(BOTS)]
    pauses = {way: count / (rate * SHARES[way]) for way, count in (("script", SCRIPTS), ("form", FORMS), ("bot", BOTS))}
    return [
        *(Pen("script", guest.name, rooms, pauses["script"], guest) for guest in scripts),
        *(Pen("form", guest.name, (LOBBY, GARDEN), pauses["form"], guest) for guest in forms),
        *(Pen("bot", name, (LOBBY, CLOSET), pauses["bot"], key=server.command("bot", "add", name)) for name in bots),
        Pen("inbox", "teller", (LOBBY, CLOSET), INBOX_SECONDS),
        Pen("command", "cron", (LOBBY,), COMMAND_SECONDS),
    ]


def _open_rooms(server: Server, owner: Guest) -> None:
    for slug in (GARDEN, TIDE, STAFF, CLOSET):
        _do(server, owner, "/rooms", name=slug, slug=slug)


def _join(server: Server, room: str, guests: Iterable[Guest]) -> None:
    for guest in guests:
        _do(server, guest, f"/rooms/{room}/join")


def _close_staff(server: Server, owner: Guest) -> None:
    code = server.command("owner").rpartition("code=")[2]
    _do(server, owner, "/owner/claim", code=code)
    _do(server, owner, f"/owner/rooms/{STAFF}/close")


def _do(server: Server, guest: Guest, path: str, **fields: str) -> int | None:
    """A POST that must work; the id of what it made."""
    caller = Caller(server.address, guest)
    answer = caller.post(path, **fields)
    caller.hang_up()
    if answer.status >= 300:
        raise Invalid(f"POST {path} was answered with {answer.status}: {answer.body[:200]!r}")
    made = answer.json.get("id") if answer.body else None
    return int(made) if made is not None else None


def drop_curtain(server: Server, guest: Guest) -> int:
    """The last message of a run, which everybody hears; returns its id."""
    id = _do(server, guest, f"/rooms/{LOBBY}/messages", body="The curtain falls.", client_id="curtain")
    assert id is not None
    return id
