"""One message to many readers: Longwave beside the physical limit and its peers

`SCENARIOS` are measured one after the other, each with its contestants in turns. All readers are streams; ours are
signed-in guests, with presence on, and their messages are posted through the real API.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bench import contestants, deliveries, memory
from bench.contestants import CONTESTANTS
from bench.deliveries import Figures, Measured
from bench.verdict import Invalid, Unfit

ROUNDS = 3


@dataclass(frozen=True)
class Contest:
    """One column of a scenario's table: who, with how many readers; `options` are for ours."""

    who: str
    readers: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """What is measured, and for whom. `rate` is in posts a second; 0 means as many as are answered."""

    title: str
    how: Measured
    variants: Mapping[str, Contest]
    rate: float = 0
    connections: int = 4

    def measure(self, contest: Contest, seconds: float) -> Figures:
        try:
            with CONTESTANTS[contest.who](contest.readers, **contest.options) as contestant:
                return self.how(contestant, contest.readers, self.rate, self.connections, seconds)
        except Invalid as error:
            raise (Unfit(error) if contest.who in PEERS else error) from None


@dataclass(frozen=True)
class IdleService(Scenario):
    """The benchmark `memory`, which needs no readers."""

    def measure(self, contest: Contest, seconds: float) -> Figures:
        return memory.measure(contest.options["workers"], seconds)


def among(readers: int, *who: str, **options: Any) -> dict[str, Contest]:
    return {name: Contest(name, readers, options) for name in who}


SCENARIOS: dict[str, Scenario] = {
    "1000": Scenario(
        "1,000 readers, 10 messages a second", deliveries.fan_out, among(1000, *CONTESTANTS), rate=10
    ),
    "10000": Scenario(
        "10,000 readers, 2 messages a second", deliveries.fan_out, among(10_000, "ours", "loop", "nchan"), rate=2
    ),
    "flood": Scenario(
        "1,000 readers, as many messages as are answered",
        deliveries.fan_out,
        among(1000, "ours", "loop", "nchan"),
        connections=16,
    ),
    "steady": Scenario(
        "1,000 readers, 350 messages a second",
        deliveries.fan_out,
        among(1000, "ours"),
        rate=350,
        connections=16,
    ),
    "post": Scenario(
        "A post while others are fanned out to 10,000 readers",
        deliveries.posts_meanwhile,
        among(10_000, "ours"),
        rate=2,
    ),
    "idle": Scenario("10,000 idle readers", deliveries.idle, among(10_000, "ours", "nchan")),
    "opening": Scenario("5,000 streams opened", deliveries.opened, among(5000, "ours", "loop", "nchan")),
    "growth": Scenario(
        "From 100 to 10,000 readers, 2 messages a second",
        deliveries.fan_out,
        {f"{who}, {readers:,}": Contest(who, readers) for who in ("ours", "loop") for readers in (100, 10_000)},
        rate=2,
    ),
    "page": Scenario(
        "The page of a room with 50 messages, 16 connections, 2 workers",
        deliveries.room_page,
        among(16, "ours", workers=2),
        connections=16,
    ),
    "service": IdleService("The whole idle service, 2 workers", deliveries.idle, among(0, "ours", workers=2)),
    "20000": Scenario(
        "20,000 readers over two workers, 1 message a second",
        deliveries.fan_out,
        among(20_000, "ours", workers=2),
        rate=1,
    ),
    "proxy": Scenario(
        "1,000 readers, 10 messages a second, nginx in front",
        deliveries.fan_out,
        {"ours": Contest("ours", 1000), "behind nginx": Contest("ours", 1000, {"is_proxied": True})},
        rate=10,
    ),
}


PEERS = [name for name in CONTESTANTS if name not in ("ours", "loop")]
RIVALS = [name for name in CONTESTANTS if name != "ours"]
left_out = contestants.missing


def chosen(options: argparse.Namespace) -> dict[str, Scenario]:
    """These scenarios (all), without the contestants that are not wished or not installed."""
    only, against, readers = options.only, options.against, options.readers
    left = set(left_out()) | (set(RIVALS) - set(against) if against else set())
    found = {}
    for name in only or SCENARIOS:
        variants = {
            label: replace(contest, readers=readers or contest.readers)
            for label, contest in SCENARIOS[name].variants.items()
            if contest.who not in left
        }
        title = f"{SCENARIOS[name].title} (here with {readers:,} readers)" if readers else SCENARIOS[name].title
        found[name] = replace(SCENARIOS[name], title=title, variants=variants)
    return found
