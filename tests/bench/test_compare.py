"""`bin/bench compare` says slower or faster where that is so, and no difference seen where it is chance."""

import json
import random
import subprocess
import sys
from argparse import Namespace

import pytest

from bench import commits, compare, machine
from bench.compare import NO_DIFFERENCE, Finding
from bench.paired import ratio, student_t
from bench.short_rounds import LESS, MORE, SCENARIOS, Scenario, Side
from bench.verdict import Invalid

# Two-sided, from the printed tables.
TABLE = {(1, 0.99): 63.657, (2, 0.99): 9.925, (9, 0.99): 3.250, (10, 0.99): 3.169, (9, 0.95): 2.262, (100, 0.99): 2.626}


@pytest.mark.parametrize(("degrees", "confidence"), TABLE)
def test_students_t_is_that_of_the_printed_tables(degrees, confidence):
    assert student_t(confidence, degrees) == pytest.approx(TABLE[degrees, confidence], abs=0.0005)


def test_the_ratio_is_the_mean_of_the_pairs_and_its_interval_students():
    found = ratio([100, 200, 400], [110, 200, 440])
    # The logarithms are 0.0953, 0, 0.0953: mean 0.0635, deviation 0.0550, t = 9.925.
    assert found.value == pytest.approx(1.0656, abs=0.0001)
    assert (found.low, found.high) == pytest.approx((0.7773, 1.4609), abs=0.0005)


def test_what_moves_both_of_a_pair_does_not_hide_their_difference():
    moods = [100 * 1.5**number for number in range(10)]
    found = ratio(moods, [mood * (1.05 if number % 2 else 1.06) for number, mood in enumerate(moods)])
    assert 1.04 < found.low < found.high < 1.07


def test_chance_is_taken_for_a_difference_once_in_a_hundred_times():
    chance = random.Random(11)

    def is_taken() -> bool:
        earlier, later = ([chance.gauss(100, 5) for _ in range(compare.PAIRS)] for _ in range(2))
        return not ratio(earlier, later).holds_one

    assert 20 <= sum(is_taken() for _ in range(4000)) <= 60


@pytest.mark.parametrize(("name", "is_more_better", "later", "verdict"), [
    ("posts_per_second", MORE, 90, "slower"),
    ("posts_per_second", MORE, 110, "faster"),
    ("post_p99_ms", LESS, 110, "slower"),
    ("post_p99_ms", LESS, 90, "faster"),
    ("idle_mb", LESS, 110, "larger"),
    ("memory_bytes_per_reader", LESS, 90, "smaller"),
    ("post_p99_ms", LESS, 100, NO_DIFFERENCE),
])
def test_the_verdict_is_about_the_later_commit(name, is_more_better, later, verdict):
    scatter = [0.99, 1.01, 1.0, 0.995]
    found = Finding(name, is_more_better, [100.0] * 4, [later * one for one in scatter])
    assert found.verdict == verdict
    assert found.is_worse == (verdict in ("slower", "larger"))


class Played:
    """A scenario whose figures are given, one list for each time it is measured."""

    def __init__(self, *later: list[float]) -> None:
        self.later = [value for values in later for value in values]
        self.order: list[str] = []

    def measure(self, side: Namespace, seconds: float) -> dict[str, float]:
        self.order.append(side.commit.name)
        return {"delay_ms": self.later.pop(0) if side.commit.name == "later" else 100.0}


SIDES = [Namespace(commit=Namespace(name=name)) for name in ("earlier", "later")]
SLOW, SAME = [120.0, 121.0, 122.0, 121.0], [99.0, 101.0, 99.0, 101.0]


def settle(monkeypatch, *later: list[float]) -> tuple[str, Played]:
    played = Played(*later)
    monkeypatch.setitem(SCENARIOS, "played", Scenario(played.measure, {"delay_ms": LESS}))
    found = compare.settled("played", SIDES, pairs=4, seconds=1)
    return found[0].verdict, played


def test_the_commits_take_turns_in_being_first(monkeypatch):
    _, played = settle(monkeypatch, SAME)
    assert played.order == ["earlier", "later", "later", "earlier"] * 2


@pytest.mark.parametrize(("times", "verdict"), [
    ([SAME], NO_DIFFERENCE), ([SLOW, SAME], NO_DIFFERENCE), ([SLOW, SLOW], "slower")
], ids=["none", "chance", "slower"])
def test_a_difference_is_measured_once_more_and_the_second_answer_counts(monkeypatch, times, verdict):
    found, played = settle(monkeypatch, *times)
    assert found == verdict
    assert not played.later, "it must have been measured so often, and no more"


def worktrees() -> str:
    return subprocess.run(["git", "-C", machine.TOP, "worktree", "list"], capture_output=True, text=True).stdout


def test_a_commit_is_checked_out_and_removed_whatever_happens():
    with pytest.raises(ZeroDivisionError), commits.checked_out("HEAD") as commit:
        assert (commit.checkout / "chat" / "app.py").exists()
        assert str(commit.checkout) in worktrees()
        raise ZeroDivisionError
    assert not commit.checkout.exists() and str(commit.checkout) not in worktrees()


def test_an_unknown_commit_is_said(capsys):
    assert compare.main(["HEAD", "no-such-commit"]) == 1
    assert "INVALID: there is no commit no-such-commit" in capsys.readouterr().err


def test_another_longwave_than_the_commits_is_not_measured(tmp_path):
    (tmp_path / "chat").symlink_to(machine.TOP / "chat")
    with pytest.raises(Invalid, match="instead of"):
        commits._check_import(sys.executable, tmp_path)


def test_a_commit_that_asks_for_other_packages_is_known(tmp_path):
    text = (machine.TOP / "setup.cfg").read_text()
    for package, is_the_same in (("hypothesis", True), ("flask >=", False)):
        (tmp_path / "setup.cfg").write_text(text.replace(package, "another"))
        assert commits.asks_for_the_same(tmp_path) == is_the_same


def test_the_real_servers_of_two_equal_commits_are_compared(capsys):
    assert compare.main(["HEAD", "HEAD", "poll", "cgi", "--pairs", "2", "--seconds", "0.2"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)["scenarios"]
    assert {one["figure"] for findings in found.values() for one in findings} == {
        *SCENARIOS["poll"].figures, *SCENARIOS["cgi"].figures}
    assert all(len(one["later"]) == 2 and min(one["later"]) > 0 for one in found["poll"])
    assert NO_DIFFERENCE in printed.err and printed.err.endswith("Nothing is worse.\n")


@pytest.fixture(scope="module")
def side(tmp_path_factory):
    """This checkout itself, with a few guests."""
    here = commits.Commit("here", machine.TOP, sys.executable)
    return Side(here, tmp_path_factory.mktemp("side"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_gives_the_figures_that_are_compared(name, side):
    assert SCENARIOS[name].figures.keys() <= SCENARIOS[name].measure(side, 0.5).keys()
