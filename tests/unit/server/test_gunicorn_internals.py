"""What our workers rely on of gunicorn's inside: that it is looked at, and that nothing of it is used otherwise."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from gunicorn.http import message, parser, unreader, wsgi
from gunicorn.workers.base import Worker
from gunicorn.workers.base_async import AsyncWorker

from chat.server import gunicorn_internals, protocol_errors
from chat.server.gunicorn_internals import HOOKS, INTERNALS, BoundedRequest, answer_of, bound_heads
from chat.server.protocol_errors import ProtocolErrors
from tests.support.serving import TOP


class OtherResponse(wsgi.Response):
    """One that names its own method as the original does."""


def other(self: Any, *, names: int = 0, of_everything: int = 0) -> None:
    """A method that takes something else than it did."""


@pytest.fixture
def never_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(INTERNALS, "_known", None)
    monkeypatch.setattr(parser.RequestParser, "mesg_class", message.Request)  # as before `bound_heads`


@pytest.mark.usefixtures("never_looked")
def test_this_gunicorn_is_one_that_was_tried_and_looks_as_it_did():
    assert INTERNALS.is_tried and INTERNALS.are_known()


CHANGES: dict[str, tuple[Any, str, Any]] = {
    **{name: (AsyncWorker, name, lambda self, more, than, it, ever, took: None) for name in HOOKS},
    "handle_error": (Worker, "handle_error", other),
    "write": (wsgi.Response, "write", other),
    "no write": (wsgi.Response, "write", None),
    "default_headers": (wsgi.Response, "default_headers", lambda self, more: None),
    "force_close": (wsgi.Response, "force_close", lambda self, more: None),
    "attributes of an answer": (wsgi.Response, "__init__", other),
    "attributes of a request": (message.Message, "__init__", other),
    "attributes of an unreader": (unreader.SocketUnreader, "__init__", other),
    "force_close of a request": (message.Message, "force_close", lambda self, more: None),
    "another parser": (parser.RequestParser, "mesg_class", BoundedRequest),
}


@pytest.mark.usefixtures("never_looked")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_different_is_noticed_and_told_once_and_nothing_of_it_is_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, change: tuple[Any, str, Any]
):
    monkeypatch.setattr(*change)
    before = parser.RequestParser.mesg_class
    bound_heads()
    assert parser.RequestParser.mesg_class is before
    assert not INTERNALS.are_known()
    assert caplog.text.count("is different inside") == 1
    response = wsgi.Response.__new__(wsgi.Response)
    assert answer_of(response.start_response) is None


def test_heads_are_bounded_where_it_looks_as_it_did(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parser.RequestParser, "mesg_class", message.Request)
    bound_heads()
    assert parser.RequestParser.mesg_class is BoundedRequest


def test_only_gunicorn_s_own_answers_are_taken():
    assert answer_of(print) is None and answer_of(object()) is None
    assert answer_of(OtherResponse.__new__(OtherResponse).start_response) is None
    response = wsgi.Response.__new__(wsgi.Response)
    assert answer_of(response.start_response) is response


@pytest.mark.parametrize("is_known", [True, False], ids=["as it was", "different"])
def test_an_error_is_answered_in_our_words_where_it_looks_as_it_did(monkeypatch: pytest.MonkeyPatch, is_known: bool):
    passed = []
    monkeypatch.setattr(gunicorn_internals.INTERNALS, "_known", is_known)
    monkeypatch.setattr(Worker, "handle_error", lambda self, *about: passed.append(about))
    worker: Callable[..., None] = ProtocolErrors.__new__(ProtocolErrors).handle_error
    worker("request", "client", "address", "error", *([] if is_known else ["more"]))
    (about,) = passed
    assert isinstance(about[1], protocol_errors._Reworded) is is_known
    assert len(about) == (4 if is_known else 5)


def test_the_worker_uses_nothing_of_a_gunicorn_that_is_different():
    pytest.importorskip("gevent")
    program = (
        "from gunicorn.workers.base_async import AsyncWorker\n"
        "AsyncWorker.handle_request = lambda self, something, else_: None\n"
        "from chat.server.gevent_worker import FarewellWorker, ParkingWorker, StreamWorker\n"
        "assert StreamWorker is FarewellWorker and not issubclass(StreamWorker, ParkingWorker)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("is different inside (AsyncWorker)") == 1
