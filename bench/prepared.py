"""Instances in which much was said before: made once through the checkout's own server, and copied for each case."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench import guests, machine
from bench.attack import MARK, Lane, attackers
from bench.guests import ROOM, VISITOR, Guest
from bench.load import Address
from bench.server import longwave, serve
from bench.verdict import Invalid

HEAVY = "heavy"  # a room whose messages are as large, drawn, as a text can make them
HEAVY_MESSAGES = 200
HEAVY_BODY = f"{MARK} " + (("&" * 60 + " http://a.example/ ") * 60)[:3980]
KEPT_MESSAGES = 10_000
ROOMS = 2_000  # or as many as the site may have


class Prepared(NamedTuple):
    """Where it lies, and who has a session in it."""

    instance: Path | None = None
    keeper: Guest = VISITOR  # who has written KEPT_MESSAGES
    owner: Guest = VISITOR


@functools.cache
def prepared(checkout: Path, needs: tuple[str, ...], share: float = 1) -> Prepared:
    """An instance with what is needed (`heavy`, `kept`, `rooms`), or only with a share of it."""
    if not needs:
        return Prepared()
    folder = tempfile.mkdtemp(prefix="longwave-prepared-", dir=machine.FOLDER)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    instance = Path(folder) / "instance"
    with serve(1, instance, checkout=checkout) as server:
        keeper, owner = guests.sign_in(server.address, 2, "prepared")
        link = longwave(instance, "owner", checkout=checkout)
        guests.say(server.address, owner, "/owner/claim", code=link.rpartition("code=")[2].strip())
        if "heavy" in needs:
            guests.open_room(server.address, HEAVY)
            writer = guests.sign_in(server.address, 1, "writer", HEAVY)[0]
            _write(server.address, writer, HEAVY_MESSAGES, f"/rooms/{HEAVY}/messages", body=HEAVY_BODY)
        if "kept" in needs:
            body = f"{MARK} {'one of many ' * 10}"
            _write(server.address, keeper, int(KEPT_MESSAGES * share), f"/rooms/{ROOM}/messages", body=body)
        if "rooms" in needs:
            _write(server.address, owner, int(ROOMS * share), "/rooms", name=f"Room {MARK}", topic="of many")
    return Prepared(instance, keeper, owner)


def _write(address: Address, guest: Guest, count: int, path: str, **fields: str) -> None:
    request = guests.form(path, address, guest, **fields)
    with attackers(address, [Lane(address[0], [request])]) as load:
        load.begin(count)
        deeds = load.deeds()
    if deeds.statuses.keys() - {"201", "403"} or not deeds.statuses.get("201"):
        raise Invalid(f"{path} was answered with {deeds.statuses}")
