"""Answers on their way: each with a deadline, all with a bound; who takes what there is, is never cut off."""

import socket
import threading
from contextlib import suppress

import pytest

from chat.realtime import sending
from chat.realtime.sending import Backlog, Sender, Unsent
from tests.support.serving import eventually

MANY = b"x" * 4_000_000  # more than the kernel takes of one that is not read


@pytest.fixture
def ends():
    """A connection with a buffer as small as can be: here and there."""
    here, there = socket.socketpair()
    with here, there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        there.settimeout(40)
        yield here, there


def sender(connection, backlog=None, network=None):
    return Sender(connection, backlog or Backlog(), lambda: network)


def read_all(connection):
    pieces = []
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


class Sending(threading.Thread):
    """Sends in a thread of its own; `outcome` is "sent", or the error."""

    def __init__(self, way, *pieces):
        super().__init__(daemon=True)
        self.outcome = None
        self._way, self._pieces = way, pieces
        self.start()

    def run(self):
        try:
            for piece in self._pieces:
                self._way.sendall(piece)
            self.outcome = "sent"
        except OSError as error:
            self.outcome = error


def test_what_the_kernel_takes_at_once_is_never_counted(ends):
    here, there = ends
    backlog = Backlog()
    asked = []
    Sender(here, backlog, lambda: asked.append(1)).sendall(b"hello")
    assert there.recv(100) == b"hello" and not asked and backlog.size == 0


def test_the_rest_is_sent_as_it_is_taken_and_counted_as_long(ends):
    here, there = ends
    backlog = Backlog()
    at_work = Sending(sender(here, backlog), MANY, b"end")
    eventually(lambda: backlog.size > 0)
    assert backlog.size < len(MANY)
    received = b""
    while not received.endswith(b"end"):
        received += there.recv(65536)
    at_work.join()
    assert (received, at_work.outcome, backlog.size, backlog.cut_off) == (MANY + b"end", "sent", 0, 0)


def test_a_file_is_sent_from_where_and_as_far_as_was_asked_for(ends, tmp_path):
    here, there = ends
    (tmp_path / "file").write_bytes(bytes(range(256)) * 1024)
    with (tmp_path / "file").open("rb") as file:
        way = sender(here)
        sending_it = threading.Thread(target=lambda: (way.sendfile(file, 3, 200_000), here.close()))
        sending_it.start()
        received = read_all(there)
        sending_it.join()
    assert received == (bytes(range(256)) * 1024)[3:200_003]


def test_a_reader_that_takes_nothing_is_cut_off(ends, monkeypatch):
    here, there = ends
    monkeypatch.setattr(sending, "STALLED_SECONDS", 0.1)
    backlog = Backlog()
    at_work = Sending(sender(here, backlog), MANY)
    at_work.join(40)
    assert isinstance(at_work.outcome, ConnectionError) and (backlog.size, backlog.cut_off) == (0, 1)
    assert len(read_all(there)) < len(MANY), "and sees that it ended"


def test_a_reader_that_takes_a_little_now_and_then_is_cut_off(ends):
    here, there = ends
    now = [100.0]
    at_work = Sending(sender(here, Backlog(clock=lambda: now[0])), MANY)
    taken = 0
    while at_work.is_alive():
        now[0] += 5
        taken += len(there.recv(2 * sending.LEAST_PACE))  # two fifths of the least
    assert isinstance(at_work.outcome, ConnectionError) and len(MANY) / 4 < taken < len(MANY) / 2


class Tls:
    """As gevent's TLS: it takes a byte in 20 s, and where it may not wait none at all; what it is made of can go."""

    def __init__(self):
        self.now = 100.0
        self.asked_in_vain = 0
        self.was_shut_down = False
        self._timeout = None

    def settimeout(self, timeout):
        self._timeout = timeout

    def send(self, piece):
        if self.was_shut_down:
            raise AttributeError("its inside is gone")
        if self._timeout == 0:
            self.asked_in_vain += 1
            assert self.asked_in_vain < 10, "it asks without end, and never waits"
            return 0
        self.now += 20
        return 1

    def setsockopt(self, *option):
        pass

    def shutdown(self, how):
        self.was_shut_down = True


def test_a_reader_that_takes_a_little_by_tls_is_cut_off():
    tls = Tls()
    backlog = Backlog(clock=lambda: tls.now)
    with pytest.raises(ConnectionError):
        sender(tls, backlog).sendall(b"hello, and good-bye")
    assert tls.was_shut_down and (backlog.size, backlog.cut_off) == (0, 1)


def test_who_is_cut_off_by_another_while_it_sends_by_tls_ends_like_all():
    tls = Tls()
    backlog = Backlog(most=20, clock=lambda: tls.now)
    way = sender(tls, backlog)
    tls.settimeout = lambda timeout: backlog.size and not tls.was_shut_down and Someone(backlog, 20, None)
    with pytest.raises(ConnectionError):
        way.sendall(b"hello, and good-bye")
    assert tls.was_shut_down and backlog.size == 20


class Someone:
    """Has so many bytes on their way, and notes whether they were cut off."""

    def __init__(self, backlog, size, network):
        self.was_cut = False
        self.unsent = Unsent(size, network, self.cut)
        backlog.add(self.unsent)

    def cut(self):
        self.was_cut = True


def cut_off(*people):
    return [person.was_cut for person in people]


def test_of_a_network_that_has_too_much_the_oldest_goes():
    backlog = Backlog(most=1000, most_of_network=100)
    first, other, second = Someone(backlog, 60, "one"), Someone(backlog, 90, "other"), Someone(backlog, 40, "one")
    assert cut_off(first, other, second) == [False] * 3
    third = Someone(backlog, 30, "one")
    assert cut_off(first, other, second, third) == [True, False, False, False]
    assert (backlog.size, backlog.cut_off) == (160, 1)


def test_when_all_are_too_much_one_of_the_network_goes_that_has_the_most():
    backlog = Backlog(most=100, most_of_network=80)
    greedy = [Someone(backlog, 30, "greedy") for _ in range(2)]
    modest = Someone(backlog, 20, "modest")
    newcomer = Someone(backlog, 25, "new")
    assert cut_off(*greedy, modest, newcomer) == [True, False, False, False] and backlog.size == 75


def test_networks_that_are_not_counted_are_bounded_with_all_others():
    backlog = Backlog(most=100, most_of_network=10)
    first, second = (Someone(backlog, 50, None) for _ in range(2))
    assert cut_off(first, second) == [False, False]
    third = Someone(backlog, 1, None)
    assert cut_off(first, second, third) == [True, False, False]


def test_what_was_taken_or_has_ended_counts_no_more():
    backlog = Backlog(most=1000, most_of_network=100)
    one, other = Someone(backlog, 60, "net"), Someone(backlog, 40, "net")
    backlog.took(one.unsent, 30)
    backlog.remove(other.unsent)
    backlog.remove(other.unsent)
    assert backlog.size == 30
    newcomer = Someone(backlog, 70, "net")
    assert cut_off(one, other, newcomer) == [False] * 3


def test_a_sender_that_is_cut_off_wakes_and_ends(ends):
    here, _ = ends
    backlog = Backlog(most=10**9, most_of_network=len(MANY))
    at_work = Sending(sender(here, backlog, "net"), MANY)
    eventually(lambda: backlog.size > 0)
    Someone(backlog, len(MANY) // 2 + backlog.size, "net")
    at_work.join(40)
    assert isinstance(at_work.outcome, OSError)
