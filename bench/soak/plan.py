"""The faults of a run: which, in what order, how hard. The same seed gives the same plan."""

import random
from collections.abc import Collection, Iterator
from typing import NamedTuple

CLOCK_STEPPED = "clock stepped"
SERVER_FAULTS = ("worker killed", "worker ended", "worker stood still", "server restarted", "master killed", "HUP",
                 "disk filled", "database locked", "rings dropped", CLOCK_STEPPED)
NETWORK_FAULTS = ("connections cut", "connections delayed", "connections half closed", "network paused",
                  "answers thrown away", "readers paused", "flood")
KINDS = (*SERVER_FAULTS, *NETWORK_FAULTS)
RESTARTS = ("worker killed", "worker ended", "server restarted", "master killed", "HUP")  # a blackout is told for each
TOGETHER_SHARE = 0.3  # of the server's faults come with one of the network's
CALM_SECONDS = (1.0, 2.5)  # between two, so that some find everybody connected
RECOVERY_SECONDS = 6.0  # after a restart that came alone, so that most blackouts end before the next fault
LONG_RECOVERY_SECONDS = 20.0  # where there is nothing but restarts: all are back, and have been for a while
BRIEF_CALM_SECONDS, BRIEF_RECOVERY_SECONDS = (0.3, 0.8), 2.0  # where each comes but once


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


def strikes(seed: int, kinds: Collection[str] = KINDS) -> Iterator[Strike]:
    """For ever; within each dealt deck every one of these kinds comes once."""
    dice = random.Random(seed)
    server, network = _among(SERVER_FAULTS, kinds), _among(NETWORK_FAULTS, kinds)
    servers, networks = _deal(dice, server), _deal(dice, network)
    has_others = bool(set(kinds) - set(RESTARTS))
    after_restart_seconds = RECOVERY_SECONDS if has_others else LONG_RECOVERY_SECONDS
    recovery_seconds = 0.0 if has_others else LONG_RECOVERY_SECONDS / 2
    while True:
        is_servers = dice.random() < len(server) / (len(server) + len(network))
        drawn = [next(servers if is_servers else networks)]
        if is_servers and network and dice.random() < TOGETHER_SHARE:
            drawn.append(next(networks))
        yield _strike(dice, dice.uniform(*CALM_SECONDS) + recovery_seconds, drawn)
        recovery_seconds = after_restart_seconds if len(drawn) == 1 and drawn[0] in RESTARTS else 0.0


def one_round(seed: int, kinds: Collection[str] = KINDS) -> Iterator[Strike]:
    """Each of these kinds once, close together; restarts come alone, the server's other faults with one of the network.

    It takes a minute or so.
    """
    dice = random.Random(seed)
    networks = list(_among(NETWORK_FAULTS, kinds))
    dice.shuffle(networks)
    strikes = [[kind] if kind in RESTARTS or not networks else [kind, networks.pop()]
               for kind in _among(SERVER_FAULTS, kinds)]
    strikes += [[kind] for kind in networks]
    recovery_seconds = 0.0
    dice.shuffle(strikes)
    for drawn in strikes:
        yield _strike(dice, dice.uniform(*BRIEF_CALM_SECONDS) + recovery_seconds, drawn)
        recovery_seconds = BRIEF_RECOVERY_SECONDS if drawn[0] in RESTARTS else 0.0


def _among(all_kinds: Collection[str], kinds: Collection[str]) -> tuple[str, ...]:
    return tuple(kind for kind in all_kinds if kind in kinds)


def _strike(dice: random.Random, calm_seconds: float, kinds: Collection[str]) -> Strike:
    return Strike(calm_seconds, tuple(_fault(dice, kind) for kind in kinds))


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
