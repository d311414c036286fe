"""Two hosts with one PostgreSQL database: what one of them does, the other knows, and nobody has to stay with one."""

import secrets
import time
from contextlib import ExitStack

import pytest

from tests.support.clients import Person
from tests.support.serving import eventually, serve

FORGOTTEN_SECONDS = 35.0


@pytest.fixture(scope="module", params=["notify", "redis"])
def hosts(request, postgres):
    """Their servers, with nothing but rings between them: the look is switched off."""
    settings = {"database_url": postgres.database(), "secret": secrets.token_hex(32), "look_seconds": 0}
    if request.param == "redis":
        settings["relay_url"] = request.getfixturevalue("redis").url
    with ExitStack() as running:
        yield [running.enter_context(serve(**settings)) for _ in range(2)]


@pytest.fixture
def pair(hosts, people):
    """Alice at the first host and bob at the second one."""
    return [people(host, name) for host, name in zip(hosts, ("alice", "bob"), strict=True)]


def test_what_is_said_at_one_host_is_heard_at_the_other_by_rings_alone(hosts, pair):
    alice, bob = pair
    streams = [alice.listen("room=lobby"), bob.listen("room=lobby")]
    for turn in range(10):
        pair[turn % 2].say(f"turn {turn}")
        for stream in streams:
            stream.expect_message(f"turn {turn}")
    assert [body for body in streams[0].bodies if "turn" in body] == [f"turn {turn}" for turn in range(10)]
    assert streams[0].bodies == streams[1].bodies


def test_a_session_is_good_at_every_host(hosts, pair):
    alice, _ = pair
    there = alice.also_at(None, hosts[1])
    assert there.get("/session").json["user"]["name"] == "alice"
    client_id = secrets.token_hex(8)
    tries = [person.post("/rooms/lobby/messages", body="once", client_id=client_id) for person in (alice, there)]
    ids = {answer.json["id"] for answer in tries}
    assert len(ids) == 1, "the same try at another host is the same message"


def test_a_form_that_is_sent_at_one_host_is_a_repeat_at_the_other(hosts, pair):
    alice, _ = pair
    there = alice.also_at(None, hosts[1])
    form = alice.look("/rooms/lobby").form("/rooms/lobby/messages")
    answers = [person.submit(form, body="by form, once") for person in (alice, there)]
    assert len({(answer.status, answer.headers["Location"]) for answer in answers}) == 1
    assert alice.get("/rooms/lobby").text.count("by form, once") == 1


def test_who_is_here_and_who_types_is_known_at_both(hosts, pair):
    alice, bob = pair
    watching = bob.listen("room=lobby")
    alice.listen("room=lobby")
    watching.expect("presence", lambda presence: alice.user in presence.get("came", []))
    alice.post("/rooms/lobby/typing")
    watching.expect("typing", lambda typing: typing["user"]["name"] == "alice")


def test_who_signs_out_at_one_host_is_signed_out_at_the_other(hosts, people):
    carol = people(hosts[0], "carol")
    there = carol.also_at(None, hosts[1])
    stream = there.listen("room=lobby")
    assert carol.post("/sign-out").status == 204
    assert stream.expect("bye").data["reason"] == "revoked"
    assert there.get("/session").json["user"] is None


def test_every_host_shows_the_owner_s_link_until_it_was_used(hosts, people):
    codes = {(host.instance / "owner-code").read_text() for host in hosts}
    assert len(codes) == 1
    owner = people(hosts[0], "the first owner")
    assert owner.post("/owner/claim", code=codes.pop().strip()).status == 204
    assert owner.also_at(None, hosts[1]).get("/owner").status == 200


def test_a_host_with_another_key_serves_nobody_and_says_why(hosts, people):
    with serve(database_url=hosts[0].database_url, secret="0" * 64, forgives="another key than the site") as stranger:
        answer = people(stranger).get("/session")
        assert (answer.status, answer.code) == (503, "busy") and "another key than the site" in answer.text
        checked = stranger.command("check")
        assert checked.returncode == 1 and "another key than the site" in checked.stdout
        posted = stranger.command("post", "lobby", "hello", "--as", "News")
        assert posted.returncode == 1 and "another key than the site" in posted.stderr
        try:
            assert stranger.command("rekey").returncode == 0
            assert people(stranger).get("/session").status == 200
            assert hosts[0].command("check").returncode == 1, "now it is the others who have another one"
        finally:
            assert hosts[0].command("rekey").returncode == 0


def test_a_host_that_is_killed_is_missed_and_all_it_was_told_is_there(hosts, people, pair):
    alice, bob = pair
    here = bob.listen("room=lobby")
    alice.listen("room=lobby")
    eventually(lambda: alice.name in names_at(bob))
    alice.say("the last words of the first host")
    killed_at = time.monotonic()
    hosts[0].kill()
    try:
        here.expect_message("the last words of the first host")
        eventually(lambda: not {alice.name} & names_at(bob), within=FORGOTTEN_SECONDS)
    finally:
        hosts[0].start()
    assert time.monotonic() - killed_at < 2 * FORGOTTEN_SECONDS
    assert "the last words of the first host" in people(hosts[0]).get("/rooms/lobby").text


def names_at(person: Person) -> set[str]:
    return {user["name"] for user in person.get("/rooms/lobby/people").json["people"]}
