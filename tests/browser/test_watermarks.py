"""Watermark files instead of polls: what idle readers cost, how soon they hear, and that no bad file costs a message.

The ladder's own files run in Node, on a clock that is turned by hand, before a host that can hold nobody; and once in
a browser, before a server.
"""

import json
import statistics
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chat.core.pacing import IDLE_SECONDS, IDLE_SPREAD
from chat.web.views.stream import POLL_AWAY_SECONDS
from tests.browser.obstacles import POLL, STREAM, answers, obstacles_before
from tests.browser.windows import LOST
from tests.support.plugin import needs_tool
from tests.support.serving import TOP, eventually

pytestmark = needs_tool("node")

RUNNER = Path(__file__).with_name("ladder.mjs")
SAYS = [100, 101, 300, 302, 500, 777, 900, 1000.5]
INTERVAL_SECONDS = 4
LONGEST_LOOK_SECONDS = 10


class Play:
    """What came of it. Moments are in seconds: `polls` of whom, `delays` of all messages to all readers."""

    def __init__(self, **play):
        play["idleMs"] = [1000 * IDLE_SECONDS * (1 - IDLE_SPREAD), 1000 * IDLE_SECONDS * (1 + IDLE_SPREAD)]
        ran = subprocess.run(["node", RUNNER, TOP / "static" / "js", json.dumps(play)], text=True, timeout=300,
                             capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr
        came = json.loads(ran.stdout)
        self.polls, self.streams, self.looks = came["polls"], came["streams"], came["looks"]
        self.wrote, self.heard = came["wrote"], came["heard"]
        written = dict(self.wrote)
        self.delays = [at - written[event_id] for heard in self.heard for event_id, at in heard]

    def all_heard_everything_once(self):
        return all([event_id for event_id, _ in heard] == [event_id for event_id, _ in self.wrote]
                   for heard in self.heard)


def test_a_hundred_idle_readers_ask_the_app_less_than_once_in_two_seconds_and_stay_present():
    seconds = 3600
    play = Play(readers=100, seconds=seconds, watermarks="good")
    assert (len(play.polls) + play.streams) / seconds <= 0.4, "the beginning included"
    asked = {reader: [at for of, at in play.polls if of == reader] for reader in range(100)}
    pauses = [later - sooner for each in asked.values() for sooner, later in zip(each, each[1:], strict=False)]
    assert min(pauses) >= 240 and max(pauses) < POLL_AWAY_SECONDS, "in which time nobody counts as gone"
    assert max(Counter(at // 10 for _, at in play.polls if at > 60).values()) < 40, "and not all at once"
    assert play.looks / seconds < 100 / 8, "the web server has little to do, too"


def test_without_watermark_files_it_is_as_before():
    play = Play(readers=4, seconds=1200, says=SAYS)
    assert play.all_heard_everything_once() and play.looks == 0 and len(play.polls) > 4 * 1200 / 30


def test_a_message_is_heard_after_half_the_interval():
    talk = list(range(60, 660, 5))
    play = Play(readers=10, seconds=700, says=talk, watermarks="good")
    assert play.all_heard_everything_once()
    assert statistics.median(play.delays) <= INTERVAL_SECONDS / 2 + 0.5
    after_silence = Play(readers=10, seconds=900, says=[300, 600], watermarks="good")
    assert after_silence.all_heard_everything_once()
    assert max(after_silence.delays) <= LONGEST_LOOK_SECONDS + 0.5


@pytest.mark.parametrize("on_its_way", ["look", "poll"])
def test_who_hurries_while_an_answer_is_on_its_way_asks_the_app(on_its_way):
    """A tab that shares the line may have joined a room, whose file is not looked at yet, and which it may not name."""
    play = Play(readers=1, seconds=60, watermarks="good", hurry={on_its_way: 1})
    assert len(play.polls) == 2 and play.looks > 5


def test_a_file_whose_name_has_changed_costs_one_question_and_nothing_is_missed():
    play = Play(readers=4, seconds=1200, says=SAYS, ends=[150, 301, 1000.2], watermarks="good")
    assert play.all_heard_everything_once() and max(play.delays) <= LONGEST_LOOK_SECONDS + 0.5
    calm = Play(readers=4, seconds=200, ends=[150], watermarks="good")
    assert Counter(reader for reader, _ in calm.polls) == dict.fromkeys(range(4), 2)


@pytest.mark.parametrize("bad", ["missing", "page", "ahead", "cut"])
def test_files_that_cannot_be_believed_are_left_and_polls_go_on_as_before(bad):
    """None there, the page of a gate in its place, a number that nothing has, no answer at all."""
    before, play = (Play(readers=4, seconds=1200, says=SAYS, watermarks=files) for files in (None, bad))
    assert play.all_heard_everything_once()
    assert max(play.delays) <= max(before.delays) + 1
    assert 0 < play.looks < 50 and len(play.polls) < 1.2 * len(before.polls)


def test_files_that_a_cache_has_kept_are_found_out_by_what_the_app_says():
    play = Play(readers=4, seconds=3600, says=list(range(100, 3600, 50)), watermarks="stale")
    assert play.all_heard_everything_once()
    assert max(play.delays) < 360 + 1, "the app is asked in the end"
    assert statistics.median(play.delays) < 30, "and soon without the files"


def hands_out(folder):
    """As a web server does: the files of the folder, without asking the app."""
    def answer(exchange):
        path = folder / exchange.path.rpartition("/")[2]
        reply = answers("200 OK", path.read_text(), "text/plain") if path.exists() else answers("404 Not Found", "")
        reply(exchange)
    return answer


def test_a_page_hears_by_the_number_and_leaves_the_app_alone(window, serving, people, tmp_path):
    heads = tmp_path / "heads"
    server = serving(streams=0, heads_dir=heads)
    alice, carol = people(server, "alice"), people(server, "carol")
    with obstacles_before(server.host, server.port) as way:
        way.put("/heads/", hands_out(heads))
        hers = window(carol, at=way.base_url, forgives=LOST).go("/rooms/lobby")  # the way ends before the window

        def looks():
            return [(number, target.partition("?")[0]) for number, (_, target) in enumerate(list(way.met))
                    if target.startswith("/heads/")]

        eventually(lambda: len(looks()) >= 2)
        (first, name), (second, _) = looks()[:2]
        between = [target.partition("?")[0] for _, target in list(way.met)[first:second]]
        assert POLL not in between and STREAM not in between
        alice.say("News")
        hers.expect_said("News")
        alice.post("/sign-out")
        people(server, "bob").say("By another name")
        hers.expect_said("News", "By another name")
        eventually(lambda: {each for _, each in looks()} > {name})


def test_a_text_that_joins_a_room_makes_the_page_hear_that_room(window, serving, people, tmp_path):
    """It had waited, and was said from another room's page, which looks at files and not at this room's."""
    heads = tmp_path / "heads"
    server = serving(streams=0, heads_dir=heads)
    bob, carol = people(server, "bob"), people(server, "carol")
    carol.post("/rooms", name="Garden")
    carol.post("/rooms/lobby/leave")
    with obstacles_before(server.host, server.port) as way:
        way.put("/heads/", hands_out(heads))
        hers = window(carol, at=way.base_url, forgives=LOST).go("/rooms/garden")  # the way ends before the window
        eventually(lambda: [target for _, target in list(way.met) if target.startswith("/heads/")])
        hers.page.evaluate("""() => {
            Chat.queue.add({ clientId: 'waited', room: 'lobby', body: 'Hello, lobby', at: Date.now() });
            Chat.outbox.retry('waited');
        }""")
        eventually(lambda: "Hello, lobby" in str(bob.poll("room=lobby&since=0")["events"]))
        bob.say("Hello, carol")
        expect(hers.badge("lobby")).to_have_text("1")
