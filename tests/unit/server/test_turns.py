"""Turns: senders follow one another however many requests each has ready, and the loop turns between slices."""

import io
import socket
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

gevent = pytest.importorskip("gevent")

from chat import runtime  # noqa: E402
from chat.runtime.greenlets import Greenlets  # noqa: E402
from chat.server import turns  # noqa: E402
from chat.server.arriving import ArrivingBody  # noqa: E402
from chat.server.gunicorn_internals import RequestBody  # noqa: E402


class Requests:
    """Requests that are ready, each of which takes so long by a clock of its own; `begun` says whose began when."""

    def __init__(self) -> None:
        self.now = 100.0
        self.begun = []
        self.turns = turns.Turns()
        self.greenlets = []

    def come(self, sender, count=1, seconds=1.0):
        """So many connections of the sender have a request ready."""
        self.greenlets += [gevent.spawn(self._request, sender, seconds) for _ in range(count)]

    def come_one_after_another(self, sender, count, seconds=1.0):
        """One connection of the sender has so many requests ready."""
        self.greenlets.append(gevent.spawn(lambda: [self._request(sender, seconds) for _ in range(count)]))

    def _request(self, sender, seconds):
        self.turns.wait(sender)
        self.begun.append(sender)
        self.now += seconds

    @contextmanager
    def all_at_once(self):
        """The loop counts no turn before all that come within this block are there."""
        later, kept = self.turns._runtime.later, []
        self.turns._runtime.later = lambda *what: kept.append(what)
        yield
        while len(self.begun) + self._count_waiting() < len(self.greenlets):
            gevent.sleep(0)
        self.turns._runtime.later = later
        for what in kept:
            later(*what)

    def _count_waiting(self):
        return len(self.turns._waiting)

    def end(self):
        gevent.joinall(self.greenlets, timeout=40, raise_error=True)
        assert all(greenlet.dead for greenlet in self.greenlets)


@pytest.fixture
def requests(monkeypatch):
    """All that come come in one turn of the loop, however slow the machine is."""
    greenlets, interval = Greenlets(), gevent.getswitchinterval()
    gevent.setswitchinterval(60.0)
    monkeypatch.setattr(runtime, "current", lambda: greenlets)
    requests = Requests()
    monkeypatch.setattr(turns.time, "monotonic", lambda: requests.now)
    yield requests
    gevent.setswitchinterval(interval)


def test_many_addresses_of_one_network_share_the_turns_of_one_sender(requests):
    requests.turns = turns.Turns(lambda sender: sender.partition(" ")[0])
    with requests.all_at_once():
        for number in range(100):
            requests.come(f"greedy {number}")
        requests.come("stranger 1", 3)
    requests.end()
    assert len(requests.begun) == 103, "premise"
    assert requests.begun.index("stranger 1") <= 2
    assert [sender for sender in requests.begun[:7] if sender == "stranger 1"] == ["stranger 1"] * 3


def test_senders_follow_one_another(requests):
    requests.come("greedy", 100)
    requests.come("stranger", 2)
    requests.come("other", 1)
    requests.end()
    assert sorted(requests.begun) == ["greedy"] * 100 + ["other"] + ["stranger"] * 2, "premise"
    assert requests.begun.index("stranger") <= 3 and requests.begun.index("other") <= 4
    assert "stranger" in requests.begun[requests.begun.index("stranger") + 1 :][:4]


@pytest.mark.parametrize("connections", [1, 2, 20])
def test_who_comes_meanwhile_waits_for_one_slice_and_no_more(requests, connections):
    """By a timer, as the loop's other business comes: sockets and the heartbeat."""
    for _ in range(connections):
        requests.come_one_after_another("greedy", 50)
    waited = []
    gevent.get_hub().loop.timer(0).start(lambda: (waited.append(len(requests.begun)), requests.come("stranger")))
    requests.end()
    before = requests.begun.index("stranger") - waited[0]
    assert requests.begun.count("greedy") == 50 * connections and waited[0] < 5
    assert before <= 3, f"{before} greedy requests began while the stranger's was ready"


def test_what_is_short_goes_together(requests):
    turned = []

    def turn():
        turned.append(len(requests.begun))
        gevent.get_hub().loop.timer(0).start(turn)

    requests.come("greedy", 100, seconds=turns.SLICE_SECONDS / 10.5)
    turn()
    requests.end()
    assert max(later - earlier for earlier, later in zip(turned, turned[1:], strict=False)) == 11


def test_who_is_ended_while_it_waits_keeps_nobody_else_waiting(requests):
    requests.come("first")
    requests.come("ended", 3)
    requests.come("last")
    gevent.sleep(0)
    assert requests.begun == ["first"], "premise"
    for greenlet in requests.greenlets[1:4]:
        greenlet.kill()
    requests.end()
    assert requests.begun == ["first", "last"]


def test_only_a_body_is_read_in_turns_and_not_the_request_behind_it():
    """It waits for its turn before it begins; where it counted as not come yet as long, it might be given up."""
    with socket.socket() as connection:
        unreader = SimpleNamespace(sock=connection)
        request = SimpleNamespace(unreader=unreader, body=io.BytesIO(b"the rest of a body"))
        body = ArrivingBody(RequestBody(request), connection, lambda seconds: nullcontext(), lambda: None)
        assert unreader.sock is not connection, "premise"
        body.pass_over()
        assert unreader.sock is connection and not request.body.read()
