"""The benchmark `greedy`, small: strangers beside greedy clients, with every answer checked."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from bench import greedy, greedy_cases, machine
from bench.attack import attackers
from bench.greedy_cases import CASES, Scene
from bench.prepared import prepared
from bench.report import summed
from bench.server import serve
from bench.strangers import Request
from bench.verdict import Invalid, Unfit

SHARE = 0.02  # of connections, floors, and of what was said before
SILENT = {name for name in CASES if name.startswith(("body", "head"))} | {"nobody"}
REFUSED = {"fields", "parts"}  # who sends these has no token


def small(name: str, **changes: object) -> dict[str, float]:
    return greedy.measure(replace(CASES[name], **changes), machine.TOP, 0.5, SHARE)


def test_strangers_are_measured_alone_and_beside_the_greedy():
    alone, beside = small("nobody"), small("cheap-2", floor=1)
    for figures in (alone, beside):
        assert 0 < figures["stranger_p50_ms"] <= figures["stranger_p99_ms"] <= figures["stranger_max_ms"]
        assert figures["stranger_requests"] == greedy.STRANGERS * len(greedy.CIRCLE)
        assert figures["stranger_unanswered"] == 0
        assert figures["worker_peak_mb"] > 10 and figures["worker_peak_files"] > 3
    assert beside["greedy_tried"] >= beside["greedy_answered"] > 0 and "greedy_tried" not in alone


def test_a_case_in_which_nobody_was_greedy_does_not_count():
    with pytest.raises(Unfit, match="nobody was greedy"):
        small("cheap-2", floor=10**9)
    left = {"greedy a": {"title": "a", "variants": {}}}
    assert greedy.verdict(left) == "A stranger's p99 is at most 1000 ms in 0 of 1 cases; nobody was greedy in a"
    assert "| a |  |  |  |  |" in greedy.summary(left)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "longwave.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE messages (id INTEGER, client_id TEXT)")
        connection.executemany("INSERT INTO messages VALUES (?, ?)", [(7, "a-1"), (8, "b-1"), (9, "b-1"), (10, "x")])
    return path


def posted(client_id: str, id: int, **more: object) -> Request:
    return Request("post", 1, 0, client_id, id, **more)


def test_a_strangers_post_must_be_kept_once_by_its_number(database):
    lost = posted("c-1", 0, is_answered=False)
    greedy.check_posts(database, [Request("page", 1, 0), posted("a-1", 7), lost])
    for wrong in (posted("a-1", 8), posted("b-1", 8), posted("c-1", 11), posted("b-1", 0, is_answered=False)):
        with pytest.raises(Invalid, match="is kept as"):
            greedy.check_posts(database, [wrong])


def test_each_case_asks_for_something_that_is_there(monkeypatch):
    monkeypatch.setattr(greedy_cases, "MANY", 2)
    made = prepared(machine.TOP, ("heavy", "kept", "rooms"), SHARE)
    with serve(1, made.instance) as server:
        for name in CASES.keys() - SILENT:
            lane = CASES[name].lanes(Scene(server.address, made))[0]
            with attackers(server.address, [lane]) as attack:
                attack.begin(min(2, len(lane.requests)))
                deeds = attack.deeds()
            assert name in REFUSED or all(status < "400" for status in deeds.statuses), f"{name}: {deeds}"


def test_what_never_comes_is_not_answered_at_once():
    made = prepared(machine.TOP, ())
    with serve(1) as server:
        for name in SILENT - {"nobody"}:
            lane = CASES[name].lanes(Scene(server.address, made))[0]
            with attackers(server.address, [lane], **CASES[name].options) as attack:
                attack.begin(1)
                assert not attack.is_done(0.2)
                assert attack.end().opened == 1


def found(p99_ms: float, unanswered: int = 0, **more: float) -> dict[str, float]:
    return {"stranger_p50_ms": 5, "stranger_p99_ms": p99_ms, "stranger_max_ms": 2 * p99_ms} | {
        "stranger_unanswered": unanswered, "worker_peak_mb": 80, "worker_peak_files": 30, **more}


def test_the_verdict_names_the_cases_in_which_the_promise_is_broken():
    def benchmarks(**cases: dict[str, float]):
        return {f"greedy {name}": {"title": name, "variants": {"now": summed([figures])}}
                for name, figures in cases.items()}

    assert greedy.verdict(benchmarks(a=found(999), b=found(3))).endswith("in 2 of 2 cases")
    said = greedy.verdict(benchmarks(a=found(1001), b=found(3), c=found(3, 1)))
    assert said.endswith("in 1 of 3 cases; above that in a, c")


def test_the_summary_is_one_table_with_what_was_before_in_front():
    variants = {"now": summed([found(20)]), "before": summed([found(9000, greedy_answered=3, greedy_refused=4)])}
    table = greedy.summary({"greedy a": {"title": "much", "variants": variants}, "other": {}})
    assert "| much | 5 / 9,000 / 18,000 → 5 / 20 / 40 | 80 → 80 | 30 → 30 | 3 / 4 →  |" in table
