"""The benchmark `million`, small: each kind of load is made whole, and what it says of memory follows from figures."""

import sqlite3
from contextlib import closing

import pytest

from bench import machine, million
from bench.guests import sign_in
from bench.million import SCENARIOS
from bench.report import summed
from bench.server import serve
from bench.verdict import Invalid
from bench.witness import Witness

COUNT = 100


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_kind_of_load_is_made_and_measured(name, monkeypatch):
    monkeypatch.setattr(million, "POINTS", (10, 100))
    monkeypatch.setattr(million, "WORKERS", 1)
    figures = million.measure(SCENARIOS[name], machine.TOP, COUNT)
    assert figures["worker_0_mb_at_10"] > 10 and 0.5 < figures["ratio"] < 2
    assert figures["threads_at_100"] == 1 or name != "one-at-a-time"
    assert figures["files_at_100"] > 3 and figures["database_mb_at_100"] > 0
    if name == "joins":
        assert figures["log_rows_at_100"] >= figures["log_rows_at_10"] + 0.9 * COUNT


def test_what_the_witness_did_not_hear_makes_the_run_invalid():
    with serve(1) as server:
        witness = Witness(server.address, sign_in(server.address, 1, "witness")[0])
        for _ in range(3):
            witness.post()
        witness.listen()
        witness.check(server.database)
        with closing(sqlite3.connect(server.database)) as connection, connection:
            columns, values = "(channel, name, data, created_at)", "('room:1', 'room', '{}', '')"
            connection.execute(f"INSERT INTO events {columns} VALUES {values}")
            connection.execute("UPDATE log_head SET last_id = (SELECT max(id) FROM events)")
        with pytest.raises(Invalid, match="missed 1 of"):
            witness.check(server.database)


def figures(at_10: float, at_100: float) -> dict[str, float]:
    found = {f"worker_{number}_mb_at_{point}": at_10 for number in range(2) for point in million.POINTS}
    found |= {"worker_1_mb_at_100": at_100, "ratio": at_100 / at_10}
    return found | {f"{name}_at_{point}": 3.0 for name in million.GROWING for point in million.POINTS}


def test_the_verdict_says_whose_memory_grows():
    benchmarks = {
        "million polls": {"title": "polls", "variants": {"now": summed([figures(60, 61)])}},
        "million joins": {"title": "joins", "variants": {"now": summed([figures(60, 90)])}},
    }
    assert million.verdict(benchmarks).splitlines() == ["polls, now: flat (1.02)", "joins, now: grows (1.50)"]
    assert "| joins, now | 60 60 | 60 60 | 60 60 | 60 90 | 1.50 | grows | 3 → 3 |" in million.summary(benchmarks)
