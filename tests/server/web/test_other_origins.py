"""Pages of other origins read along, if they are listed; nobody else's may, and none may post."""

import re

import pytest

from tests.support.clients import FORM
from tests.support.serving import serve

LISTED = "https://blog.example.org"
ALSO_LISTED = "http://localhost:8080"
FOREIGN = ["https://evil.example", "null", "", "https://blog.example.org.evil.example", "http://blog.example.org",
           "https://blog.example.org:444", "https://BLOG.example.org", "not an origin", "https://blog.example.org/",
           f"{LISTED}, https://evil.example", "x" * 5000]
READABLE = ["/stream?room=lobby", "/poll?room=lobby", "/session", "/rooms/lobby/messages"]
CORS = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials")


@pytest.fixture(scope="module")
def server():
    with serve(workers=1, allowed_origins=f"{LISTED}, {ALSO_LISTED}", trusted_proxies="127.0.0.1",
               hosts="127.0.0.1") as server:
        yield server


@pytest.fixture
def alice(server, people):
    return people(server, "alice")


def head_of(person, path, method="GET", **headers):
    """The head of an answer that may never end."""
    pending = person.send(method, path, None, **headers)
    head = pending.head()
    return head.status, head.headers


def is_admitted(headers, origin):
    assert "Origin" in headers.get("Vary", ""), "caches must know"
    said = [headers.get(name) for name in CORS]
    assert said in ([origin, "true"], [None, None]), said
    return said[0] is not None


@pytest.mark.parametrize("path", READABLE)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_listed_origin_is_answered_with_itself(alice, path, method):
    for origin in (LISTED, ALSO_LISTED):
        status, headers = head_of(alice, path, method, Origin=origin)
        assert status == 200
        assert is_admitted(headers, origin)
        assert headers["Access-Control-Expose-Headers"] == "Retry-After"


@pytest.mark.parametrize("path", READABLE)
def test_others_get_neither_header_but_the_answer_says_that_it_depends(alice, path):
    for origin in FOREIGN:
        status, headers = head_of(alice, path, Origin=origin)
        assert status == 200
        assert not is_admitted(headers, origin)
    assert not is_admitted(head_of(alice, path)[1], None)


@pytest.mark.parametrize("path", ["/stream?room=nowhere", "/stream?since=x", "/poll?wait=99", "/poll?since=-1",
                                  "/rooms/nowhere/messages", "/rooms/lobby/messages?limit=0", "//poll?since=x"])
def test_a_page_that_may_read_is_told_what_went_wrong(alice, path):
    answer = alice.get(path, Origin=LISTED)
    assert answer.code in ("not_found", "invalid")
    assert is_admitted(answer.headers, LISTED)
    assert not is_admitted(alice.get(path, Origin="null").headers, "null")


def test_every_answer_of_these_addresses_says_that_it_depends_on_the_origin(alice, people):
    for path in READABLE:
        for method in ("PUT", "DELETE", "OPTIONS", "POST"):
            assert "Origin" in head_of(alice, path, method, Origin=LISTED)[1]["Vary"], (method, path)
    assert "Origin" not in (head_of(alice, "/")[1]["Vary"] or "")
    with serve(workers=1, streams=0, allowed_origins=LISTED, public="off") as other:
        visitor = people(other)
        for path in ("/stream", "/poll"):
            answer = visitor.get(path, Origin=LISTED)
            assert answer.code == "sign_in"
            assert is_admitted(answer.headers, LISTED)
        visitor.sign_in("carol")
        over_budget = visitor.get("/stream", Origin=LISTED)
        assert b"event: mode" in over_budget.body
        assert is_admitted(over_budget.headers, LISTED)


@pytest.mark.parametrize("path", READABLE)
def test_who_asks_for_another_host_name_is_refused_with_the_same_headers(alice, path):
    refused = alice.get(path, Host="elsewhere.example", Origin=LISTED, Accept="application/json")
    assert (refused.status, refused.code) == (400, "invalid")
    assert is_admitted(refused.headers, LISTED)
    assert not is_admitted(alice.get(path, Host="elsewhere.example", Origin="null").headers, "null")


def test_a_held_poll_is_answered_with_the_same_headers(alice, people, server):
    alice.listen("room=lobby").close()  # the lobby's presence is there
    cursor = alice.cursor()
    pending = people(server, "bob").ask(f"/poll?room=lobby&since={cursor}&wait=25", Origin=LISTED)
    assert not pending.comes_within(0.5)
    alice.say("news")
    answer = pending.answer()
    assert [event["data"]["body"] for event in answer.json["events"] if event["event"] == "message"] == ["news"]
    assert is_admitted(answer.headers, LISTED)


def test_a_page_elsewhere_reads_in_the_name_of_whoever_looks_at_it(alice):
    answer = alice.get("/session", Origin=LISTED)
    assert answer.json["user"]["name"] == "alice"
    vary = alice.get("/session").headers["Vary"]
    assert set(re.split(", *", vary)) == {"Cookie", "Origin"}, "the token of its own pages depends on who looks, too"


# What browsers ask first


@pytest.mark.parametrize("path", READABLE)
def test_a_script_may_send_the_last_id_as_a_header(alice, path):
    asks = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "last-event-id"}
    answer = alice.request("OPTIONS", path, Origin=LISTED, **asks)
    assert (answer.status, answer.body) == (204, b"")
    assert is_admitted(answer.headers, LISTED)
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert "Last-Event-ID" in answer.headers["Access-Control-Allow-Headers"]
    for origin in FOREIGN:
        refused = alice.request("OPTIONS", path, Origin=origin, Accept="application/json", **asks)
        assert refused.code == "forbidden"
        assert not is_admitted(refused.headers, origin)


def test_nothing_else_is_asked_about_in_this_way(alice):
    for path in ("/sign-out", "/rooms/lobby/join", "/rooms/lobby/people", "/healthz", "/"):
        answer = alice.request("OPTIONS", path, Origin=LISTED, Access_Control_Request_Method="POST")
        assert not any(name in answer.headers for name in CORS)
    asked = alice.request("OPTIONS", "/rooms/lobby/messages", Origin=LISTED, Access_Control_Request_Method="POST")
    assert "POST" not in asked.headers["Access-Control-Allow-Methods"]


# Reading only


def test_a_listed_origin_may_not_post_and_is_told_no_token(alice):
    said = len(alice.get("/rooms/lobby/messages?limit=200").json["messages"])
    assert alice.get("/session", Origin=LISTED).json["csrf_token"] is None
    assert alice.token(), "premise: the chat's own pages are told one"
    for origin in (LISTED, *FOREIGN):
        body = f"body=hi&csrf_token={alice.token()}"
        answer = alice.request("POST", "/rooms/lobby/messages", body, Origin=origin, Content_Type=FORM,
                               Accept="application/json")
        if origin != "null":  # which counts as missing: the token decides
            assert answer.code == "forbidden", origin
            assert not any(name in answer.headers for name in CORS)
            assert "Origin" in answer.headers["Vary"]
    assert len(alice.get("/rooms/lobby/messages?limit=200").json["messages"]) == said + 1


def test_the_chat_s_own_origin_gets_its_token_even_when_it_is_listed(people):
    with serve(workers=1, allowed_origins="http://chat.example.org, http://blog.example.org") as server:
        visitor = people(server, Host="chat.example.org")
        assert visitor.get("/session", Origin="http://chat.example.org").json["csrf_token"]
        assert visitor.get("/session", Origin="http://blog.example.org").json["csrf_token"] is None


def test_where_nothing_is_listed_nobody_is_admitted(people, shared):
    visitor = people(shared)
    for path in READABLE:
        assert not is_admitted(head_of(visitor, path, Origin=LISTED)[1], LISTED)


# Cookies


@pytest.mark.parametrize(("setting", "scheme", "expected"), [
    ("Lax", "http", "Lax"), ("Lax", "https", "Lax"), ("None", "http", "Lax"), ("None", "https", "None")])
def test_cookies_go_along_beyond_the_same_site_only_where_that_is_set_and_by_https(people, setting, scheme, expected):
    with serve(workers=1, trusted_proxies="127.0.0.1", cookie_samesite=setting) as server:
        person = people(server, X_Forwarded_Proto=scheme)
        token = person.get("/session")
        signed_in = person.post("/sign-in", name="carol")
        assert signed_in.status == 200
        for answer in (token, signed_in, person.post("/sign-out")):
            for line in answer.headers.get_all("Set-Cookie"):
                assert f"SameSite={expected}" in line
                assert ("Secure" in line) == (scheme == "https")
                assert line.startswith("longwave_token") or "HttpOnly" in line


# Ids that are none


@pytest.mark.parametrize("last_id", ["9" * 10_000, "x" * 10_000, "-1", str(2**53), "12.5", "\u00e9", "1 2"])
def test_a_last_id_that_is_none_is_refused_with_a_code_and_loses_nothing(alice, last_id):
    cursor = alice.cursor()
    said = alice.say(f"before {len(last_id)}")
    for path in ("/stream?room=lobby", f"/poll?room=lobby&since={cursor}"):
        answer = alice.get(path, Last_Event_ID=last_id, Origin=LISTED)
        assert (answer.status, answer.code) == (400, "invalid")
        assert is_admitted(answer.headers, LISTED)
    assert alice.listen(f"room=lobby&since={cursor}").expect("message").data == said
