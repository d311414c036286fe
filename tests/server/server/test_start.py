"""The first start, a worker's first moments, and a database of another version."""

import stat
from pathlib import Path

import pytest

from tests.support.clients import Person
from tests.support.serving import serve

COMPILED_BEFORE = ("-c", str(Path(__file__).with_name("compiled_before.py")))
KILLED_AFTER_SECONDS = 10.0  # a worker that does not end by itself


@pytest.fixture(scope="module")
def server():
    """Without `longwave upgrade` before, so that its two workers race to make the database."""
    with serve(forgives="is from another version") as started:
        yield started


def test_the_first_start_makes_all_it_needs(server):
    with Person(server) as alice:
        alice.sign_in("alice").say("hi")
    assert "lobby" in server.command("room", "list").stdout


def test_nobody_else_can_read_what_it_keeps(server):
    kept = [server.instance, *server.instance.rglob("*")]
    assert len(kept) > 4
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077 and not path.is_socket()] == []


def test_a_database_of_another_version_is_answered_with_one_sentence(server):
    server.stop()
    server.query("UPDATE alembic_version SET version_num = '9999'")
    server.start()
    with Person(server) as somebody:
        answer = somebody.get("/healthz")
        assert (answer.status, answer.code) == (503, "busy")
        assert "longwave upgrade" in answer.json["error"]["message"]
        page = somebody.get("/")
        assert page.status == 503 and "longwave upgrade" in page.page.text
    assert server.stop() < KILLED_AFTER_SECONDS, "and it ends when it is told to"


def test_a_worker_that_has_just_started_hears_the_first_ring():
    with serve(look_seconds=0, forgives="SIGKILL") as server:
        one, other = server.workers
        with Person(server, one) as alice, Person(server, other) as bob:
            heard = alice.sign_in("alice").listen("room=lobby"), bob.sign_in("bob").listen("room=lobby")
            alice.say("first")
            bob.say("second")
            for stream in heard:
                stream.expect_message("second")
                assert stream.bodies == ["first", "second"]
            server.kill_worker(other)
            comes = next(worker for worker in server.workers if worker != one)
            with Person(server, comes) as carol:
                stream = carol.listen("room=lobby")
                alice.say("third")
                stream.expect_message("third")


def test_nobody_waits_until_a_page_is_compiled():
    with serve(workers=1, arguments=COMPILED_BEFORE) as server, Person(server) as alice:
        alice.sign_in("alice").say("first")
        for path in ("/", "/rooms/lobby", "/rooms/lobby/refresh?since=0", "/rooms/new", "/me", "/device", "/selftest"):
            assert alice.look(path).title
        assert alice.get("/nowhere").status == 404
