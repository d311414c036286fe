"""What an operator may set, seen from outside."""

import pytest

from tests.support.serving import eventually, serve


@pytest.fixture(scope="module")
def closed():
    """A site for those who have a name, whose rooms the owner opens, under one host name."""
    with serve(workers=1, public="off", rooms_by="owner", hosts="chat.example, .local.example", log_addresses="none",
               welcome="Oars up!", footer_links="Legal notice=https://example.org/legal,Privacy=/privacy", guest_days=1,
               config_file="# ours\nCHAT_SITE_NAME = Rowing Club\nCHAT_PUBLIC = on\n") as server:
        yield server


@pytest.fixture
def member(closed, people):
    return people(closed, "alice", Host="chat.example")


@pytest.fixture
def stranger(closed, people):
    return people(closed, Host="chat.example")


@pytest.mark.parametrize("path", ["/", "/rooms/lobby", "/rooms/lobby?before=7", "/rooms/lobby/refresh?since=0",
                                  "/messages/1"])
def test_where_the_chat_is_not_public_a_page_leads_to_the_question_for_a_name(stranger, member, path):
    answer = stranger.get(path)
    assert answer.status == 303
    question = stranger.look(answer.headers["Location"])
    assert question.form("/sign-in").fields["next"] == path
    assert stranger.get(path, Accept="application/json").code == "sign_in"
    assert member.get(path).status in (200, 404)


@pytest.mark.parametrize("path", ["/stream?room=lobby", "/stream", "/poll?room=lobby", "/poll", "/rooms/lobby/messages",
                                  "/rooms/lobby/people", "/stream?room=nowhere", "/rooms/nowhere/messages"])
def test_where_the_chat_is_not_public_nobody_reads_without_a_name(stranger, path):
    assert stranger.get(path).code == "sign_in"


def test_the_door_itself_stands_open(stranger):
    assert stranger.look("/sign-in").form("/sign-in")
    assert stranger.get("/session").json["user"] is None
    assert stranger.get("/healthz").status == 200
    assert stranger.get("/static/css/base.css").status == 200
    assert stranger.get("/device?code=x").status == 200


def test_only_the_owner_opens_rooms(member):
    assert member.post("/rooms", name="Mine").code == "forbidden"
    assert "/rooms/new" not in member.look("/").addresses
    assert member.post("/rooms", accept="text/html", name="Mine").status == 403


def test_a_host_name_that_is_not_ours_is_refused(closed, people):
    for host in ("chat.example", "chat.example:8000", "a.local.example", "CHAT.example"):
        assert people(closed, Host=host).get("/sign-in").status == 200, host
    for host in ("evil.example", "chat.example.evil.example", "notchat.example", "[::1]", "127.0.0.1", ""):
        answer = people(closed, Host=host).get("/sign-in", Accept="application/json")
        assert (answer.status, answer.code) == (400, "invalid"), host
        page = people(closed, Host=host).get("/sign-in")
        assert page.status == 400 and "evil" not in page.text, "and nothing is built from it"


def test_the_site_has_its_name_its_welcome_and_its_links(stranger):
    page = stranger.look("/sign-in")
    assert "Rowing Club" in page.title
    assert "Oars up!" in page.text
    assert {"https://example.org/legal", "/privacy"} <= set(page.addresses)


def test_names_are_free_after_the_days_that_were_set(closed, member, stranger):
    closed.query("UPDATE users SET seen_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-2 days') WHERE name = 'alice'")
    assert stranger.sign_in("alice").user["name"] == "alice"


def test_where_addresses_are_not_logged_there_are_none(closed, people):
    people(closed, Host="chat.example").get("/sign-in")
    requests = eventually(lambda: [line for line in closed.log.splitlines() if "chat.requests" in line])
    assert not [line for line in requests if "127.0.0." in line]


def test_what_stands_in_the_file_holds_unless_the_environment_says_otherwise(stranger):
    assert "Rowing Club" in stranger.look("/sign-in").title
    assert stranger.get("/").status == 303, "the file says that it is public"
