"""Where there are fewer connections than requests, senders take turns with them."""

import threading
from collections.abc import Callable, Iterator

import pytest
from psycopg_pool import PoolTimeout

from chat import runtime
from chat.runtime.threads import Threads
from chat.store.postgres.lending import Lending
from tests.support.serving import PATIENCE_SECONDS, eventually

Come = Callable[..., None]


class Crowd(Threads):
    """Each thread works for the sender whose name it has."""

    def sender(self) -> str:
        return threading.current_thread().name


@pytest.fixture
def lending(monkeypatch: pytest.MonkeyPatch) -> Lending:
    crowd = Crowd()
    monkeypatch.setattr(runtime, "current", lambda: crowd)
    return Lending(1, PATIENCE_SECONDS)


@pytest.fixture
def turns() -> list[str]:
    """Whose turn it was, in order."""
    return []


@pytest.fixture
def come(lending: Lending, turns: list[str]) -> Iterator[Come]:
    """Lets somebody wait for a turn; returns when they do."""
    threads: list[threading.Thread] = []

    def wait() -> None:
        with lending.turn():
            turns.append(threading.current_thread().name)

    def come(sender: str) -> None:
        waiting = len(lending._waiting)
        threads.append(threading.Thread(target=wait, name=sender))
        threads[-1].start()
        eventually(lambda: len(lending._waiting) > waiting)

    yield come
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_a_stranger_s_turn_comes_between_those_of_a_greedy_sender(lending: Lending, come: Come, turns: list[str]):
    with lending.turn():
        for sender in ["10.0.0.1"] * 5 + ["10.0.0.2"]:
            come(sender)
        assert turns == [], "premise: all are lent"
    eventually(lambda: len(turns) == 6)
    assert turns.index("10.0.0.2") == 1


def test_a_network_has_as_many_turns_as_an_address(lending: Lending, come: Come, turns: list[str]):
    with lending.turn():
        for sender in ["2001:db8:0:1::/64", "2001:db8:0:2::/64", "2001:db8:0:3::/64", "10.0.0.2", "10.0.0.2"]:
            come(sender)
    eventually(lambda: len(turns) == 5)
    assert [place for place, sender in enumerate(turns) if sender == "10.0.0.2"] == [1, 3]


def test_who_has_waited_long_enough_is_refused_and_takes_no_turn_from_others(lending: Lending):
    hurried = Lending(1, 0)
    with hurried.turn():
        for _ in range(2):
            with pytest.raises(PoolTimeout), hurried.turn():
                pass
    with hurried.turn():
        pass
    assert not hurried._waiting


@pytest.mark.parametrize("has_turn", [False, True])
def test_whoever_is_ended_while_waiting_keeps_no_turn(
    lending: Lending, monkeypatch: pytest.MonkeyPatch, has_turn: bool
):
    class Ended:
        """A waiter whose greenlet is ended, before its turn comes or just after."""

        def wait(self, seconds: float) -> bool:
            if has_turn:
                lending._give_back()
            raise GeneratorExit

        def wake(self) -> None:
            pass

    monkeypatch.setattr(runtime.current(), "waiter", Ended)
    lending._take()
    with pytest.raises(GeneratorExit):
        lending._take()
    if not has_turn:
        lending._give_back()
    assert lending._free == 1 and not lending._waiting
