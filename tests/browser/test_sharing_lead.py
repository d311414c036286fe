"""Choosing a lead tab passes on, by force where it must, and whoever has lost it stops leading.

The scripts that share a line run in Node, on a clock that is turned by hand: each tab in a global of its own, with
one localStorage and one set of Web Locks for all. In real browsers: `test_sharing`, `test_engines_sharing`.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.plugin import needs_tool
from tests.support.serving import TOP

pytestmark = needs_tool("node")

RUNNER = Path(__file__).with_name("tabs.mjs")
FIRST = 0
TABS = 3
NOTICED = 62.0  # a follower asks after 50 s of silence, twice, and waits 4 s each time
HANDED_ON = 82.0  # the fourth look at a leader that is hidden

in_both_ways = pytest.mark.parametrize("lacks", [[], ["locks"]], ids=["by Web Locks", "by localStorage"])


class Play:
    """What came of it: when which tabs had a line, and what each tab has heard when."""

    def __init__(self, seconds, *deeds, lacks):
        play = json.dumps({"tabs": TABS, "seconds": seconds, "lacks": lacks, "deeds": deeds})
        ran = subprocess.run(["node", RUNNER, TOP / "static" / "js", play], text=True, timeout=300,
                             capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr
        came = json.loads(ran.stdout)
        self.heard, self.states, self._lines = came["heard"], came["states"], came["lines"]

    def leaders(self, second):
        return [tabs for since, tabs in self._lines if since <= second][-1]

    def all_heard(self, count):
        return all([number for number, _ in heard] == list(range(1, count + 1)) for heard in self.heard)

    def delay(self, number, said_at):
        """Of what the tabs have heard that were not the first to lead."""
        return max(at - said_at for heard in self.heard[1:] for heard_number, at in heard if heard_number == number)


@in_both_ways
def test_a_leader_that_hangs_loses_the_lead_and_no_longer_leads_when_it_is_back(lacks):
    play = Play(200, [10, "say"], [20, "freeze", FIRST], [30, "say"], [100, "say"], [150, "thaw", FIRST], [160, "say"],
                lacks=lacks)
    assert play.leaders(19) == [FIRST], "a premise"
    assert len(play.leaders(100)) == 2 and FIRST in play.leaders(100), "frozen, it cannot know"
    assert play.leaders(160) == play.leaders(200) == [tab for tab in play.leaders(100) if tab != FIRST]
    assert play.all_heard(4) and play.states == ["live"] * TABS
    assert play.delay(2, said_at=30) < NOTICED and play.delay(3, said_at=100) < 1


@in_both_ways
def test_a_leader_that_is_hidden_for_long_hands_the_lead_over_and_no_longer_leads(lacks):
    play = Play(200, [10, "say"], [20, "hide", FIRST], [30, "say"], [150, "say"], lacks=lacks)
    assert play.leaders(79) == [FIRST], "not for a moment"
    (leader,) = play.leaders(20 + HANDED_ON)
    assert leader != FIRST and play.leaders(200) == [leader]
    assert play.all_heard(3) and play.states == ["live"] * TABS


def test_a_lease_that_nobody_renews_is_over_before_the_silence_is_noticed():
    play = Play(100, [20, "freeze", FIRST], [35, "say"], lacks=["locks"])
    assert play.delay(1, said_at=35) < 1


@in_both_ways
def test_whoever_leads_next_has_the_line_of_the_same_person_or_nobody_has_it(lacks):
    """The browser's cookie is somebody else's meanwhile, without a word to the tabs that are open."""
    closed = [10, "say"], [20, "close", FIRST], [60, "say"]
    play = Play(100, *closed, lacks=lacks)
    assert play.states[1:] == ["live"] * 2 and [len(heard) for heard in play.heard[1:]] == [2] * 2, "a premise"
    play = Play(100, [15, "switch"], *closed, lacks=lacks)
    assert play.states[1:] == ["stopped"] * 2 and [len(heard) for heard in play.heard[1:]] == [1] * 2
    assert play.leaders(100) == []


@in_both_ways
def test_nobody_is_signed_out_by_the_word_of_a_gate(lacks):
    play = Play(100, [10, "say"], [15, "gate"], [20, "close", FIRST], [60, "say"], lacks=lacks)
    assert play.states[1:] == ["live"] * 2 and [len(heard) for heard in play.heard[1:]] == [2] * 2
