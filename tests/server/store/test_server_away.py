"""When the database server goes away under readers who wait: posts are refused, streams stay, and all heals."""

import http.client
from contextlib import closing

import psycopg
import pytest

from tests.support import postgres as postgresql
from tests.support.clients import Person
from tests.support.serving import eventually, serve

HEALED_SECONDS = 10.0


@pytest.fixture(scope="module")
def postgres():
    """A server that nobody else needs."""
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="module")
def away(postgres):
    forgives = "can't be used now|did not answer in time|could not save|upkeep: |look: |ring: |made known|^Traceback" \
               "|other processes can't be"
    with serve(database_url=postgres.database(), forgives=forgives) as server:
        yield server


def test_a_page_that_waits_for_the_server_stops_nobody(away, people):
    somebody, other = (people(away, worker=away.workers[0]) for _ in range(2))
    with closing(psycopg.connect(away.database_url)) as lock:
        lock.execute("LOCK TABLE rooms IN ACCESS EXCLUSIVE MODE")
        page = somebody.ask("/rooms/lobby")
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        eventually(lambda: away.query(waiting))
        assert other.get("/robots.txt").status == 200 and not page.comes_within(0)
    assert page.answer().status == 200


def posted(person: Person, token: str, body: str) -> int | None:
    """The status of the answer; None where there was none."""
    try:
        return person.post("/rooms/lobby/messages", token=token, body=body, client_id=body.replace(" ", "-")).status
    except (http.client.HTTPException, OSError):
        return None


@pytest.mark.parametrize("trouble", ["cut", "stop", "kill"])
def test_streams_stay_posts_are_refused_and_nothing_is_lost_or_repeated(away, postgres, people, trouble: str):
    for worker in away.workers:  # each may still have a connection of the server before
        eventually(lambda worker=worker: people(away, worker=worker).get("/healthz").status == 200)
    writers = [people(away, f"{trouble} {number}", worker=worker) for number, worker in enumerate(away.workers)]
    streams = [people(away, worker=worker).listen("room=lobby") for worker in away.workers]
    for number, writer in enumerate(writers):
        writer.say(f"{trouble} before {number}")
    tokens = [writer.token() for writer in writers]
    getattr(postgres, trouble)()
    meanwhile = [(writer, token, f"{trouble} meanwhile {number}")
                 for number, (writer, token) in enumerate(zip(writers, tokens, strict=True))]
    while_away = [posted(*each) for each in meanwhile]
    if trouble != "cut":
        assert set(while_away) <= {503, None}
        postgres.start()
    for each in meanwhile:
        eventually(lambda each=each: posted(*each) in (200, 201), within=HEALED_SECONDS)
    for number, writer in enumerate(writers):
        eventually(lambda writer=writer: writer.get("/session").status == 200, within=HEALED_SECONDS)
        writer.say(f"{trouble} after {number}")
    last = f"{trouble} after {len(writers) - 1}"
    for stream in streams:
        stream.expect_message(last)
        said = [body for body in stream.bodies if body.startswith(trouble)]
        assert said[:2] == [f"{trouble} before 0", f"{trouble} before 1"] and len(said) == len(set(said)) == 6
        assert stream.named("bye", "reset") == []
    assert streams[0].bodies == streams[1].bodies
