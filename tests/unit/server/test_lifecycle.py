"""What an app has before its first request: which form of process is started, once, and what is known before it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chat.core import config as configuration
from chat.core.errors import ChatError
from chat.server import capacity
from chat.server.capacity import LASTING, ONE_AT_A_TIME, RUN_ONCE, Host
from chat.server.lasting_process import LastingProcess
from chat.server.lifecycle import Lifecycle
from chat.server.per_request_process import PerRequestProcess
from chat.server.process import Process
from chat.store import Store
from tests.support.failing import failing
from tests.support.serving import TOP

MUCH = capacity.threaded(64, 1)


@pytest.fixture
def lifecycle(instance: Path) -> Iterator[Lifecycle]:
    lifecycle = Lifecycle(configuration.load({"CHAT_INSTANCE": str(instance)}))
    yield lifecycle
    lifecycle.stop()


@pytest.mark.parametrize(("host", "form"), [
    (LASTING, LastingProcess), (ONE_AT_A_TIME, PerRequestProcess), (RUN_ONCE, PerRequestProcess)])
def test_the_host_says_which_form_is_started(lifecycle: Lifecycle, host: Host, form: type[Process]):
    lifecycle.start(host)
    assert type(lifecycle.process) is form
    assert lifecycle.process.streams.poll_interval_ms == host.poll_interval_ms


def test_of_many_who_start_it_at_once_all_have_the_same(lifecycle: Lifecycle):
    together = threading.Barrier(8)

    def start(_: int) -> Process:
        together.wait(20)
        lifecycle.start()
        return lifecycle.process

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(start, range(8)))) == 1


def test_what_was_opened_before_a_fork_is_not_the_child_s(lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch):
    lifecycle.start(ONE_AT_A_TIME)
    parents = lifecycle.process
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: 1)
        assert not lifecycle.is_open
        lifecycle.start(ONE_AT_A_TIME)
        assert lifecycle.is_open and lifecycle.process is not parents
        lifecycle.stop()
    parents.stop()


@pytest.mark.parametrize("is_before", [True, False], ids=["before the start", "after it"])
def test_a_budget_is_granted_whenever_it_is_known(lifecycle: Lifecycle, is_before: bool):
    if is_before:
        lifecycle.settle(MUCH)
    lifecycle.start()
    if not is_before:
        lifecycle.settle(MUCH)
    assert lifecycle.process.streams.most == MUCH.readers
    lifecycle.learn({"wsgi.run_once": True})
    assert lifecycle.process.streams.most == MUCH.readers, "the worker knows it better than a request"


def test_without_a_worker_of_ours_a_request_says_what_the_host_bears(lifecycle: Lifecycle):
    lifecycle.start(RUN_ONCE)
    assert lifecycle.process.hosting is None
    lifecycle.learn({"wsgi.run_once": True})
    assert lifecycle.process.hosting is not None and lifecycle.process.hosting.budget.kind == capacity.ONCE


def test_where_nothing_could_be_opened_the_operator_s_settings_hold(
    lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Store, "check", failing(ChatError("busy", "another version's")))
        with pytest.raises(ChatError, match="another version's"):
            lifecycle.start()
    assert not lifecycle.is_open and lifecycle.config is lifecycle.operators_config
    assert lifecycle.work_after_request(is_end=True) is None
    lifecycle.say_bye()
    lifecycle.stop()
    lifecycle.start()
    assert lifecycle.is_open


@pytest.mark.parametrize("is_end", [True, False])
def test_the_process_ends_with_the_request_where_the_server_says_so(lifecycle: Lifecycle, is_end: bool):
    lifecycle.start(RUN_ONCE)
    work = lifecycle.work_after_request(is_end)
    assert work is not None
    work()
    work()  # a server may close an answer twice
    assert lifecycle.is_open is not is_end


def test_a_lasting_process_adds_nothing_to_a_request(lifecycle: Lifecycle):
    lifecycle.start()
    assert lifecycle.work_after_request(is_end=False) is None


@pytest.mark.parametrize(("host", "unneeded"), [
    ("RUN_ONCE", {"chat.server.lasting_process", "chat.realtime.presence.memory"}),
    ("LASTING", {"chat.server.per_request_process", "chat.realtime.presence.file"})])
def test_what_the_other_form_needs_is_not_loaded(instance: Path, host: str, unneeded: set[str]):
    program = (
        "import sys\nfrom chat.app import create_app\nfrom chat.server import capacity\n"
        f"lifecycle = create_app().extensions['chat']\nlifecycle.start(capacity.{host})\nlifecycle.stop()\n"
        f"print(*{unneeded} & sys.modules.keys())"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "CHAT_INSTANCE": str(instance)}, check=True)
    assert told.stdout.strip() == ""
