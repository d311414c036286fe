"""However often somebody polls, a process keeps nothing of it: its memory after many polls is that after a few."""

import gc
import logging
from collections import Counter

import pytest

from chat.app import create_app
from chat.core import config as configuration
from tests.support.direct import Browser

pytestmark = pytest.mark.slow

OURS = ("chat", "flask", "werkzeug")
WAYS = {
    "polls": "/poll?room=lobby&since=0",
    "a poll of nothing new": "/poll?room=lobby",
    "a poll of a room that is not there": "/poll?room=nowhere",
    "a cursor that is ahead": "/poll?room=lobby&since=999999",
    "refused streams": "/stream?room=lobby",
    "a stream of a room that is not there": "/stream?room=nowhere",
}


@pytest.fixture(params=[False, True], ids=["one at a time", "in threads"])
def app(request, tmp_path):
    settings = {"CHAT_INSTANCE": str(tmp_path / "instance"), "CHAT_LIMITS": "off", "CHAT_STREAMS": "0"}
    app = create_app(configuration.load(settings))
    app.is_threaded = request.param
    yield app
    app.extensions["chat"].stop()


def objects() -> Counter[str]:
    """How many there are of the chat's own kinds, and of what a request is made of."""
    gc.collect()
    kinds = (type(kept) for kept in gc.get_objects())
    return Counter(kind.__name__ for kind in kinds if str(kind.__module__).split(".")[0] in OURS)


def browser(app, is_threaded: bool) -> Browser:
    browser = Browser(app)
    if is_threaded:
        browser._environ = {"wsgi.multithread": True, "wsgi.run_once": False, "REMOTE_ADDR": "127.0.0.1"}
    return browser


@pytest.mark.parametrize("way", WAYS)
def test_polls_leave_nothing_behind(app, way: str, caplog):
    caplog.set_level(logging.CRITICAL, "chat.requests")  # pytest keeps what is logged
    alice = browser(app, app.is_threaded)
    assert alice.post("/sign-in", name="alice").status_code == 200
    assert alice.post("/rooms/lobby/messages", body="hi").status_code == 201
    statuses = {alice.get(WAYS[way]).status_code for _ in range(60)}
    assert statuses <= {200, 404}
    before = objects()
    for _ in range(240):
        alice.get(WAYS[way])
    more = objects() - before
    assert max(more.values(), default=0) < 20, more
    hub = app.extensions["chat"].process.hub
    assert not hub.readers and not len(hub._due) and hub.held == {"stream": 0, "poll": 0}


def test_a_stream_that_an_error_replaces_gives_its_place_back(app, monkeypatch):
    def fail(answer):
        raise OSError("Too many open files")

    visitor = browser(app, is_threaded=True)
    assert visitor.get("/rooms/lobby").status_code == 200
    streams = app.extensions["chat"].process.streams
    streams.most = 1
    monkeypatch.setitem(app.after_request_funcs, None, [*app.after_request_funcs[None], fail])
    for _ in range(3):
        assert visitor.get("/stream?room=lobby").status_code >= 400
    assert streams.refused == 0 and not streams.hub.readers
