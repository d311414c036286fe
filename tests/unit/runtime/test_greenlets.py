"""The runtime's form for gevent: what real threads bring into the loop."""

import socket
import threading

import pytest

gevent = pytest.importorskip("gevent")

from chat.runtime.greenlets import Greenlets  # noqa: E402
from chat.runtime.threads import Threads  # noqa: E402


def test_what_a_thread_has_called_may_wait():
    greenlets, calls = Greenlets(), []
    ended = greenlets.waiter()

    def wait(name: str) -> None:
        calls.append(name)
        gevent.sleep(0.001)  # which no callback of the loop may
        calls.append(name)
        if len(calls) == 4:
            ended.wake()

    def call_both() -> None:
        for name in ("first", "second"):
            greenlets.call(wait, name)

    thread = threading.Thread(target=call_both)
    thread.start()
    assert ended.wait(20)
    thread.join()
    assert calls[0] == "first" and sorted(calls) == ["first", "first", "second", "second"]


@pytest.mark.parametrize("form", [Threads, Greenlets])
def test_input_is_seen_without_waiting_and_so_is_its_end(form):
    one, other = socket.socketpair()
    with one, other:
        assert not form().has_input(one.fileno())
        other.send(b"x")
        assert form().has_input(one.fileno())
        one.recv(1)
        assert not form().has_input(one.fileno())
        other.close()
        assert form().has_input(one.fileno())
