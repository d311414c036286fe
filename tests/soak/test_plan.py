"""The plan of faults: the same seed gives the same, and none is forgotten."""

from collections import Counter
from itertools import islice

from bench.soak.plan import KINDS, RESTARTS, one_round, strikes


def kinds_of(plan) -> list[str]:
    return [fault.kind for strike in plan for fault in strike.faults]


def test_the_same_seed_gives_the_same_faults():
    for plan in (strikes, one_round):
        first, again, another = (list(islice(plan(seed), 50)) for seed in (7, 7, 8))
        assert first == again != another


def test_a_long_run_has_every_kind_again_and_again():
    counts = Counter(kinds_of(islice(strikes(7), 150)))
    assert counts.keys() == set(KINDS)
    assert min(counts.values()) >= 5


def test_a_round_has_every_kind_once_and_restarts_alone():
    for seed in range(20):
        plan = list(one_round(seed))
        assert sorted(kinds_of(plan)) == sorted(KINDS)
        assert all(len(strike.faults) == 1 for strike in plan if strike.faults[0].kind in RESTARTS)


def test_what_is_not_wanted_does_not_happen():
    wanted = ("worker killed", "flood")
    assert set(kinds_of(islice(strikes(7, wanted), 50))) == set(wanted)
    assert sorted(kinds_of(one_round(7, wanted))) == sorted(wanted)
    assert set(kinds_of(islice(strikes(7, ("flood",)), 10))) == {"flood"}
    assert kinds_of(one_round(7, ("HUP",))) == ["HUP"]
