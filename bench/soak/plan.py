"""The faults of a run: which, in what order, how hard. The same seed gives the same plan."""

import random
from collections.abc import Iterator
from typing import NamedTuple

CLOCK_STEPPED = "clock stepped"
SERVER_FAULTS = ("worker killed", "worker ended", "worker stood still", "server restarted", "master killed", "HUP",
                 "disk filled", "database locked", "rings dropped", CLOCK_STEPPED)
NETWORK_FAULTS = ("connections cut", "connections delayed", "connections half closed", "network paused",
                  "answers thrown away", "readers paused", "flood")
RESTARTS = ("worker killed", "worker ended", "server restarted", "master killed", "HUP")  # a blackout is told for each
TOGETHER_SHARE = 0.3  # of the server's faults come with one of the network's
CALM_SECONDS = (1.0, 2.5)  # between two, so that some find everybody connected
RECOVERY_SECONDS = 5.0  # after a restart that came alone, so that a blackout ends before the next fault


class Fault(NamedTuple):
    """`share` of the connections or readers, `amount` in the kind's own unit, `seed` for what it draws."""

    kind: str
    seed: int
    share: float
    amount: float


class Strike(NamedTuple):
    """What happens at the same time, and how long it is calm before."""

    calm_seconds: float
    faults: tuple[Fault, ...]


def strikes(seed: int, without: tuple[str, ...] = ()) -> Iterator[Strike]:
    """For ever; within each dealt deck every kind comes once."""
    dice = random.Random(seed)
    server = _deal(dice, SERVER_FAULTS)
    network = _deal(dice, NETWORK_FAULTS)
    recovery_seconds = 0.0
    while True:
        is_servers = dice.random() < len(SERVER_FAULTS) / (len(SERVER_FAULTS) + len(NETWORK_FAULTS))
        kinds = [next(server if is_servers else network)]
        if is_servers and dice.random() < TOGETHER_SHARE:
            kinds.append(next(network))
        calm_seconds = dice.uniform(*CALM_SECONDS) + recovery_seconds
        faults = tuple(fault for fault in (_fault(dice, kind) for kind in kinds) if fault.kind not in without)
        if faults:
            yield Strike(calm_seconds, faults)
            is_alone = len(faults) == 1
            recovery_seconds = RECOVERY_SECONDS if is_alone and faults[0].kind in RESTARTS else 0.0


def _deal(dice: random.Random, kinds: tuple[str, ...]) -> Iterator[str]:
    while True:
        yield from dice.sample(kinds, len(kinds))


# Lowest and highest amount: seconds, bytes for a cut, answers for those that are thrown away.
AMOUNTS = {
    "worker stood still": (1.0, 4.0),
    "disk filled": (1.0, 4.0),
    "database locked": (3.0, 3.0),
    "rings dropped": (2.0, 5.0),
    CLOCK_STEPPED: (-7200.0, 7200.0),
    "connections cut": (200.0, 20000.0),
    "connections delayed": (0.1, 2.0),
    "network paused": (1.0, 7.0),
    "answers thrown away": (5.0, 30.0),
    "readers paused": (2.0, 10.0),
    "flood": (0.5, 2.0),
}


def _fault(dice: random.Random, kind: str) -> Fault:
    return Fault(kind, dice.randrange(1 << 32), dice.choice((0.1, 0.3, 0.6, 1.0)),
                 dice.uniform(*AMOUNTS.get(kind, (0.0, 0.0))))


def lasting_seconds(fault: Fault) -> float:
    """How long the network feels it."""
    lasting = {"connections delayed": 2 * fault.amount + 2, "network paused": 1.5 * fault.amount,
               "connections half closed": 3.0}
    return lasting.get(fault.kind, 2.0)
