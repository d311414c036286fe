"""What greedy clients do, one case each: their connections, and what is asked on them.

A case by one guest comes from one address; one by many has an address for each, so that no limit by network tells
them apart from honest people. Every next request lies ready before the last one was answered.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench import guests
from bench.attack import MARK, Lane
from bench.guests import FORM, ROOM, VISITOR, Guest
from bench.load import Address
from bench.prepared import HEAVY, HEAVY_MESSAGES, Prepared

ATTACKER = "127.0.0.2"  # all of 127.0.0.0/8 is this machine, and each address of it counts as a network
MANY = 20
READY = {"depth": 2}
FIELDS = 131_000  # of two bytes each, which is nearly as much as a body may have
PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
PARTS = 5_000
UNFINISHED = 1_300  # requests
FEW_FILES = 1_024  # what a process may open where nobody has raised it


@dataclass(frozen=True)
class Scene:
    """The server that is attacked, and what was said on it before."""

    address: Address
    prepared: Prepared

    def guest(self, source: str) -> Guest:
        return guests.sign_in(self.address, 1, f"greedy {secrets.token_hex(4)}", source=source)[0]

    def get(self, path: str, guest: Guest = VISITOR, **fields: str) -> bytes:
        return guests.head("GET", path, self.address, guest, fields) + b"\r\n"

    def post(self, path: str, guest: Guest, **fields: object) -> bytes:
        return guests.form(path, self.address, guest, **fields)

    def post_body(self, path: str, guest: Guest, body: bytes, kind: str) -> bytes:
        return guests.with_body(path, self.address, guest, body, kind)


Requests = Callable[[Scene, Guest], Sequence[bytes]]


@dataclass(frozen=True)
class Case:
    """Connections, how they behave (the options of greedy.c), and how much of it must come about to count."""

    title: str
    lanes: Callable[[Scene], Sequence[Lane]]
    floor: int = 0
    options: Mapping[str, int] = field(default_factory=lambda: READY)
    needs: Sequence[str] = ()
    files: int = 0  # that the server's processes may open; 0: as many as the system lets them


def by_one(requests: Requests, connections: int = 1) -> Callable[[Scene], Sequence[Lane]]:
    """One guest, with so many connections."""

    def lanes(scene: Scene) -> Sequence[Lane]:
        return [Lane(ATTACKER, requests(scene, scene.guest(ATTACKER)))] * connections

    return lanes


def by_many(requests: Requests) -> Callable[[Scene], Sequence[Lane]]:
    """Many guests, each with an address and a connection."""

    def lanes(scene: Scene) -> Sequence[Lane]:
        sources = addresses(MANY)
        return [Lane(source, requests(scene, scene.guest(source))) for source in sources]

    return lanes


def by_visitor(requests: Requests, connections: int, sources: int = 1) -> Callable[[Scene], Sequence[Lane]]:
    """Somebody without a name, from one address or from several."""

    def lanes(scene: Scene) -> Sequence[Lane]:
        made, known = requests(scene, VISITOR), addresses(sources)
        return [Lane(known[number % sources], made) for number in range(connections)]

    return lanes


def addresses(count: int) -> Sequence[str]:
    return [ATTACKER] if count == 1 else [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(count)]


# What is asked


def page_of(path: str) -> Requests:
    return lambda scene, guest: [scene.get(path, guest)]


def form_for(path: str, **fields: object) -> Requests:
    return lambda scene, guest: [scene.post(path, guest, **fields)]


def joins(scene: Scene, guest: Guest) -> Sequence[bytes]:
    return [scene.post(f"/rooms/{ROOM}/{deed}", guest) for deed in ("leave", "join")]


def edits(scene: Scene, guest: Guest) -> Sequence[bytes]:
    posted = guests.say(scene.address, guest, f"/rooms/{ROOM}/messages", body=f"by {guest.name}")
    return [scene.post(f"/messages/{json.loads(posted)['id']}/edit", guest, body=f"{MARK} again")]


def reads(scene: Scene, guest: Guest) -> Sequence[bytes]:
    """Marks that rise, and then begin anew."""
    marks = [scene.post(f"/rooms/{HEAVY}/read", guest, id=id) for id in range(1, HEAVY_MESSAGES)]
    return [scene.post(f"/rooms/{HEAVY}/join", guest), *marks]


def heres(scene: Scene, guest: Guest) -> Sequence[bytes]:
    return [scene.post(f"/rooms/{ROOM}/here", guest, state=state) for state in ("away", "here")]


def sign_ins(scene: Scene, guest: Guest) -> Sequence[bytes]:
    return [scene.post("/sign-in", guests.visitor(scene.address), name=f"{MARK} {secrets.token_hex(4)}")]


def rooms(scene: Scene, guest: Guest) -> Sequence[bytes]:
    return [scene.post("/rooms", guest, name=f"{MARK} {secrets.token_hex(4)}")]


def many_fields(scene: Scene, guest: Guest) -> Sequence[bytes]:
    return [scene.post_body("/sign-in", guest, b"a&" * FIELDS, FORM)]


def many_parts(scene: Scene, guest: Guest) -> Sequence[bytes]:
    return [scene.post_body("/sign-in", guest, PART * PARTS + b"--b--\r\n", "multipart/form-data; boundary=b")]


def bodies_unsent(scene: Scene, guest: Guest) -> Sequence[bytes]:
    """A head that promises a body; of the body there is a beginning."""
    head, blank, _ = many_fields(scene, guest)[0].partition(b"\r\n\r\n")
    return [head + blank + b"name="]


def heads_unsent(scene: Scene, guest: Guest) -> Sequence[bytes]:
    return [scene.get("/", guest)[:-2]]


def by_keeper(scene: Scene) -> Sequence[Lane]:
    """Somebody who has written ten thousand messages, and downloads them."""
    return [Lane(ATTACKER, [scene.get("/me/kept", scene.prepared.keeper)])] * 2


def by_owner(scene: Scene) -> Sequence[Lane]:
    return [Lane(ATTACKER, [scene.get("/owner", scene.prepared.owner)])] * 2


# The cases

HEAVY_PAGE = f"/rooms/{HEAVY}"
HEAVY_LIST = f"/rooms/{HEAVY}/messages?limit=200"
ACTS: Mapping[str, tuple[str, Requests]] = {
    "join": ("leave and join", joins),
    "edit": ("edit", edits),
    "post": ("post", form_for(f"/rooms/{ROOM}/messages", body=f"{MARK} and more", client_id=f"greedy-{MARK}")),
    "read": ("say what was read", reads),
    "typing": ("type", form_for(f"/rooms/{ROOM}/typing")),
    "here": ("go away and come back", heres),
    "sign-in": ("sign in", sign_ins),
    "device": ("make device links", form_for("/device")),
    "room": ("open rooms", rooms),
    "poll": ("poll all the log", page_of(f"/poll?room={HEAVY}&since=0&wait=25")),
}


def _acts() -> Iterator[tuple[str, Case]]:
    for name, (title, requests) in ACTS.items():
        needs = ("heavy",) if name in ("read", "poll") else ()
        yield name, Case(f"one guest: {title}", by_one(requests), floor=20, needs=needs)
        yield f"{name}-{MANY}", Case(f"{MANY} guests: {title}", by_many(requests), floor=20, needs=needs)


def _pipelined() -> Iterator[tuple[str, Case]]:
    for count in (2, 6, 20):
        many, page, cheap = (by_one(page_of(path), count) for path in (HEAVY_LIST, HEAVY_PAGE, "/robots.txt"))
        yield f"list-{count}", Case(f"{count} connections: 200 heavy messages", many, floor=10, needs=["heavy"])
        yield f"page-{count}", Case(f"{count} connections: a heavy room's page", page, floor=20, needs=["heavy"])
        yield f"cheap-{count}", Case(f"{count} connections: `/robots.txt`", cheap, floor=500)


def _slow_readers() -> Iterator[tuple[str, Case]]:
    case = partial(Case, floor=100, needs=["heavy"])
    everything = page_of(HEAVY_LIST)
    nothing, trickle = {"take": 0}, {"take": 1000}
    yield "take-nothing", case("100 readers take nothing", by_visitor(everything, 100), options=nothing)
    yield "take-little", case("100 readers take 1 KB a second", by_visitor(everything, 100), options=trickle)
    everywhere = by_visitor(everything, 100, sources=100)
    yield "take-nothing-100", case("100 readers take nothing, from 100 addresses", everywhere, options=nothing)


def _slow_writers() -> Iterator[tuple[str, Case]]:
    case = partial(Case, floor=UNFINISHED // 2, files=FEW_FILES)
    calmly = {"again": 5000}  # a flood of connections is another case
    for name, title, requests in (("body", "bodies", bodies_unsent), ("head", "heads", heads_unsent)):
        one, many = by_visitor(requests, UNFINISHED), by_visitor(requests, UNFINISHED, sources=MANY)
        yield name, case(f"{UNFINISHED:,} {title} never come", one, options=calmly)
        yield f"{name}-{MANY}", case(f"{UNFINISHED:,} {title} never come, from {MANY} addresses", many, options=calmly)
        drip = calmly | {"drip": 1000}
        yield f"{name}-drip", case(f"{UNFINISHED:,} {title}, a byte a second", one, options=drip)


def _others() -> Iterator[tuple[str, Case]]:
    stream, calmly = page_of(f"/stream?room={ROOM}"), {"again": 1000}
    yield "streams", Case("a visitor: 3,000 streams", by_visitor(stream, 3000), floor=3000, options=calmly)
    everywhere = by_visitor(stream, 3000, sources=MANY)
    yield f"streams-{MANY}", Case(f"{MANY} visitors: 3,000 streams", everywhere, floor=3000, options=calmly)
    yield "streams-guest", Case("one guest: 3,000 streams", by_one(stream, 3000), floor=3000, options=calmly)
    yield "fields", Case(f"forms of {FIELDS:,} fields", by_visitor(many_fields, 2), floor=10)
    yield "parts", Case(f"multipart forms of {PARTS:,} parts", by_visitor(many_parts, 2), floor=10)
    yield "kept", Case("`/me/kept` of 10,000 messages", by_keeper, floor=2, needs=["kept"])
    yield "healthz", Case("20 connections: `/healthz`", by_visitor(page_of("/healthz"), 20), floor=100)
    scripts = by_visitor(page_of(f"/scripts/room?v={MARK}"), 20)
    yield "scripts", Case("20 connections: `/scripts/room?v=x`", scripts, floor=100)
    yield "owner", Case("the owner's page beside many rooms", by_owner, floor=5, needs=["rooms"])
    home = by_one(page_of("/"), 6)
    yield "home", Case("6 connections: the first page beside many rooms", home, floor=10, needs=["rooms"])
    close = by_visitor(lambda scene, guest: [scene.get("/robots.txt", Connection="close")], 20)
    yield "connect", Case("20 at once: a connection for each request", close, floor=500, options={})


CASES: Mapping[str, Case] = {
    "nobody": Case("nobody", lambda scene: ()),
    **dict(_pipelined()),
    **dict(_slow_readers()),
    **dict(_slow_writers()),
    **dict(_acts()),
    **dict(_others()),
}
