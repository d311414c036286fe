"""When the store fails: everybody is told so, and nothing that was acknowledged is lost."""

import resource
from contextlib import contextmanager

import pytest

from chat import __version__
from tests.support.serving import serve


@pytest.fixture(scope="module")
def troubled():
    """A server that will run out of disk, and worse."""
    forgives = "could not save|GET / failed|messages failed|ticker: |upkeep: |look: |^Traceback"
    with serve(workers=1, forgives=forgives) as server:
        yield server


@pytest.fixture
def alice(troubled, people):
    return people(troubled, "alice")


@contextmanager
def full_disk(server):
    """No file of the worker may grow any more."""
    worker = server.workers[0]
    limits = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, limits)


def test_health_is_ok_where_the_store_can_be_written(visitor):
    answer = visitor.get("/healthz")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json.items() >= {"status": "ok", "version": __version__}.items()


def test_health_is_not_where_it_cannot(troubled, people):
    probe = people(troubled)
    with full_disk(troubled):
        answer = probe.get("/healthz")
        assert (answer.status, answer.code) == (503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
    assert probe.get("/healthz").status == 200, "and again when there is room"


def test_on_a_full_disk_posting_is_refused_and_reading_goes_on(troubled, alice, people):
    stream = people(troubled).listen("room=lobby")
    before = alice.say("before")
    form = alice.look("/rooms/lobby").form("/messages")
    with full_disk(troubled):
        answer = alice.post("/rooms/lobby/messages", body="lost?", client_id="kept")
        assert (answer.status, answer.code) == (503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
        page = alice.submit(form, body="lost, by form?")
        assert page.status == 503
        assert page.page.form("/messages").fields["body"] == "lost, by form?"
        assert alice.get("/rooms/lobby/messages").json["messages"][-1] == before
    assert alice.post("/rooms/lobby/messages", body="lost?", client_id="kept").status == 201
    alice.say("after")
    stream.expect_message("after")
    assert stream.bodies == ["before", "lost?", "after"]


def test_a_fault_of_ours_says_so_and_nothing_of_the_insides(troubled, people):
    somebody = people(troubled)
    troubled.query("ALTER TABLE rooms RENAME TO rooms_of_yesterday")
    try:
        answer = somebody.get("/rooms/lobby/messages")
        assert (answer.status, answer.code) == (500, "internal")
        page = somebody.get("/")
        assert page.status == 500
        assert answer.json["error"]["message"] in page.page.text
        assert "sqlite" not in page.text.lower() and "Traceback" not in page.text
    finally:
        troubled.query("ALTER TABLE rooms_of_yesterday RENAME TO rooms")
    assert somebody.get("/").status == 200
