"""Who is asking: cookies, tokens, origins, keys."""

from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from chat.core import times
from tests.support.clients import FORM, Bot

DAY_SECONDS = 86400
HALF_A_YEAR_SECONDS = 180 * DAY_SECONDS


def code_of(person, path="/rooms/lobby/messages", **headers):
    """How a POST of a form fares, with these headers besides."""
    headers = {"Accept": "application/json", "Content_Type": FORM} | headers
    return person.request("POST", path, "body=hi&name=mallory", **headers).code


def test_a_session_lies_in_a_cookie_that_script_and_other_sites_cannot_use(chat, people):
    alice = people(chat)
    answer = alice.post("/sign-in", name="somebody new")
    cookie = next(line for line in answer.headers.get_all("Set-Cookie") if line.startswith(alice.session_cookie))
    parts = cookie.split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={HALF_A_YEAR_SECONDS}"} <= set(parts)
    assert "Secure" not in parts, "over plain HTTP it would never come back"
    assert chat.query("SELECT 1 FROM sessions WHERE key_hash = ?", alice.cookies[alice.session_cookie]) == []


def test_session_says_who_one_is_and_where_the_log_stands(alice, visitor):
    said = alice.say("hi")
    answer = alice.get("/session")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json.keys() == {"user", "csrf_token", "cursor"}
    assert answer.json["user"] == said["author"]
    assert answer.json["cursor"] >= said["id"]
    assert visitor.user is None


def test_a_visit_starts_the_half_year_anew(alice, chat):
    assert "Set-Cookie" not in alice.get("/session").headers, "not with every request"
    chat.query("UPDATE sessions SET seen_at = ? WHERE user_id = ?", times.ago(days=179), alice.user["id"])
    assert f"Max-Age={HALF_A_YEAR_SECONDS}" in alice.get("/session").headers["Set-Cookie"]
    assert "Set-Cookie" not in alice.get("/session").headers


def test_after_half_a_year_without_a_visit_a_session_is_over(alice, chat):
    assert alice.user
    chat.query("UPDATE sessions SET seen_at = ? WHERE user_id = ?", times.ago(days=181), alice.user["id"])
    assert alice.user is None


def test_files_come_without_cookies(alice):
    assert alice.token()
    answer = alice.get("/static/css/base.css?v=1")
    assert answer.status == 200 and "max-age" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


# The token


@pytest.mark.parametrize("path", ["/sign-in", "/rooms", "/rooms/lobby/messages", "/rooms/lobby/join", "/sign-out",
                                  "/rooms/lobby/leave", "/rooms/lobby/read", "/rooms/lobby/typing", "/rooms/lobby/here",
                                  "/messages/1/edit", "/messages/1/remove", "/device", "/device/use"])
def test_no_post_goes_without_the_token(alice, visitor, path):
    assert code_of(alice, path) == "csrf"
    assert code_of(visitor, path) == "csrf"
    assert code_of(alice, path, X_CSRF_Token="forged") == "csrf"


def test_the_token_of_another_browser_is_no_token(alice, bob, visitor):
    assert code_of(alice, X_CSRF_Token=bob.token()) == "csrf"
    assert code_of(visitor, "/sign-in", X_CSRF_Token=bob.token()) == "csrf"


def test_a_token_that_was_found_right_is_right_for_its_own_session_alone(alice, bob):
    token = bob.token()
    for _ in range(2):
        assert code_of(bob, X_CSRF_Token=token) is None
        assert code_of(alice, X_CSRF_Token=token) == "csrf"
    del bob.cookies[bob.token_cookie]
    assert code_of(bob, X_CSRF_Token=token) is None, "it belongs to the session, and to no other cookie"
    del bob.cookies[bob.session_cookie]
    assert code_of(bob, X_CSRF_Token=token) == "csrf"


def test_signing_in_and_out_makes_another_token(visitor):
    tokens = [visitor.token()]
    assert visitor.post("/sign-in", name="one by one", token=tokens[0]).status == 200
    assert visitor.post("/rooms/lobby/messages", body="hi", token=tokens[0]).code == "csrf"
    tokens.append(visitor.token())
    assert visitor.post("/rooms/lobby/messages", body="hi", token=tokens[1]).status == 201
    assert visitor.post("/sign-out", token=tokens[1]).status == 204
    tokens.append(visitor.token())
    assert len(set(tokens)) == 3
    assert visitor.post("/sign-in", name="one by one again", token=tokens[1]).code == "csrf"
    assert visitor.post("/sign-in", name="one by one again", token=tokens[2]).status == 200


def test_a_program_that_signs_in_is_told_the_new_token_at_once(alice, visitor):
    told = visitor.post("/sign-in", name="told at once").json["csrf_token"]
    assert visitor.post("/rooms/lobby/messages", body="hi", token=told).status == 201
    code = alice.post("/device").json["link"].partition("code=")[2]
    told_elsewhere = visitor.post("/device/use", code=code).json["csrf_token"]
    assert visitor.post("/rooms/lobby/messages", body="hi", token=told).code == "csrf", "the session before is over"
    assert visitor.post("/rooms/lobby/messages", body="hi", token=told_elsewhere).json["author"] == alice.user


def test_the_token_goes_in_the_header_or_in_the_form(alice):
    assert code_of(alice, X_CSRF_Token=alice.token()) is None
    assert alice.post("/rooms/lobby/messages", token="", csrf_token=alice.token(), body="hi").status == 201


def test_the_token_stands_on_every_page(alice):
    for path in ("/", "/rooms/lobby", "/rooms/new", "/rooms/nowhere"):
        assert code_of(alice, X_CSRF_Token=alice.get(path).page.metas["csrf-token"]) is None


def test_a_visitor_without_the_cookie_gets_a_new_token_from_session(visitor):
    old = visitor.token()
    del visitor.cookies[visitor.token_cookie]
    assert code_of(visitor, "/sign-in", X_CSRF_Token=old) == "csrf"
    assert visitor.post("/sign-in", name="somebody anew", token=visitor.token()).status == 200


def test_a_page_left_open_for_eight_days_still_posts(alice, chat):
    token = alice.token()
    chat.query("UPDATE sessions SET seen_at = ? WHERE user_id = ?", times.ago(days=8), alice.user["id"])
    assert code_of(alice, X_CSRF_Token=token) is None


def test_a_page_left_open_from_the_first_version_gets_a_new_token_and_nobody_is_signed_out(alice, chat):
    """Its tokens were signed over a seed in the cookie."""
    app = Flask("then")
    app.secret_key = (chat.instance / "secret").read_text()
    cookie = SecureCookieSessionInterface().get_signing_serializer(app)
    alice.cookies[alice.token_cookie] = cookie.dumps({"_permanent": True, "csrf_token": "seed", "user_id": 1})
    token = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps("seed")
    assert code_of(alice, X_CSRF_Token=token) == "csrf", "which is what lets the page ask for another"
    assert alice.user["name"] == "alice"
    assert code_of(alice, X_CSRF_Token=alice.token()) is None


def test_a_refused_form_without_token_comes_back_with_its_text_and_a_token(alice):
    form = alice.look("/rooms/lobby").form("/messages")
    answer = alice.submit(form._replace(fields={}), body="kept")
    assert answer.status == 400
    again = answer.page.form("/messages")
    assert again.fields["body"] == "kept"
    assert alice.submit(again).status == 303


# The origin


def test_a_page_of_another_site_cannot_post(alice, chat):
    token = alice.token()
    for origin in ("http://evil.example", f"http://{chat.host}", f"http://{chat.host}:{chat.port}.evil.example",
                   f"http://evil.example/{chat.host}:{chat.port}", f"{chat.host}:{chat.port}"):
        assert code_of(alice, X_CSRF_Token=token, Origin=origin) == "forbidden", origin


def test_the_own_origin_an_opaque_one_and_none_are_let_through(alice, chat):
    token = alice.token()
    assert code_of(alice, X_CSRF_Token=token, Origin=chat.base_url) is None
    assert code_of(alice, X_CSRF_Token=token, Origin="null") is None
    assert code_of(alice, X_CSRF_Token=token) is None
    assert code_of(alice, Origin="null") == "csrf", "as if it were missing, no more"


# The key of a bot


def test_a_bot_posts_json_with_its_key_alone(hal, bob):
    heard = bob.listen("room=lobby")
    answer = hal.post("/rooms/lobby/messages", body="beep", client_id="b-1")
    assert answer.status == 201
    assert answer.json["author"]["kind"] == "bot"
    assert hal.post("/rooms/lobby/messages", body="again", client_id="b-1").status == 200
    assert heard.expect("message").data == answer.json


def test_a_bot_may_send_forms_too(hal):
    assert hal.request("POST", "/rooms/lobby/messages", "body=beep", Content_Type=FORM).status == 201


def test_a_bot_does_with_json_what_people_do_with_forms(hal, garden):
    message = hal.post(f"/rooms/{garden}/messages", body="beep").json
    assert hal.post(f"/messages/{message['id']}/edit", body="boop").json["body"] == "boop"
    assert hal.post(f"/rooms/{garden}/join").json["slug"] == garden
    assert hal.post(f"/rooms/{garden}/read", id=message["id"]).status == 204
    assert hal.post(f"/rooms/{garden}/here", state="away").status == 204
    assert hal.post(f"/rooms/{garden}/typing").status == 204
    assert hal.post(f"/messages/{message['id']}/remove").json["removed"] is True
    assert hal.post(f"/rooms/{garden}/leave").status == 204


def test_a_wrong_key_beside_a_good_cookie_is_refused(alice):
    message = f"/messages/{alice.say('hi')['id']}"
    for key in ("Bearer wrong", "bearer wrong", "Bearer ", "Bearer", "Bearer \xff"):
        for path in ("/session", "/", "/rooms/lobby", "/poll?room=lobby", "/stream?room=lobby", message):
            assert alice.get(path, Authorization=key).code == "sign_in", (key, path)
        token = alice.token()
        assert code_of(alice, X_CSRF_Token=token, Authorization=key) == "sign_in", key


def test_a_new_key_makes_the_old_one_worthless(chat, hal):
    keys = [chat.command("bot", "add", "marvin").stdout.strip() for _ in range(2)]
    assert [hal.get("/session", Authorization=f"Bearer {key}").status for key in keys] == [401, 200]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"hi"', b"", b'{"body": "\xff"}', b'{"body": "a\\u0000b"}',
                                  b'{"body": 5}', b'{"body": null}', b'{"body": ["hi"]}', b'{"body": "\\ud800"}',
                                  b'{"body": "hi", "client_id": 7}', b'{"body": NaN}', b"[" * 100_000])
def test_json_that_says_nothing_is_refused(hal, body):
    answer = hal.request("POST", "/rooms/lobby/messages", body, Content_Type="application/json")
    assert (answer.status, answer.code) == (400, "invalid")


@pytest.mark.parametrize(("path", "field"), [
    ("/rooms/lobby/messages", "body"), ("/rooms/lobby/messages", "client_id"), ("/messages/1/edit", "body"),
    ("/rooms", "name"), ("/rooms", "slug"), ("/rooms", "topic"), ("/rooms/lobby/read", "id"),
    ("/rooms/lobby/here", "state"), ("/sign-in", "name"), ("/device/use", "code"), ("/owner/claim", "code"),
    ("/enter", "word"), ("/me/forget", "choice")])
def test_a_field_of_any_kind_is_an_answer_and_no_fault(hal, path, field):
    for value in ("\ud800", "\udcff", "\0", 5, 1e400, None, True, ["x"], {"x": "y"}):
        answer = hal.post(path, **{"body": "hi", "name": "x" * 61, "choice": "neither"} | {field: value})
        assert answer.status < 500, value


def test_a_person_sends_forms_and_no_json(alice):
    answer = alice.request("POST", "/rooms/lobby/messages", '{"body": "hi"}', Content_Type="application/json",
                           X_CSRF_Token=alice.token(), Accept="application/json")
    assert answer.code == "invalid"


def test_all_that_came_from_the_old_key_ends_with_it(chat, people):
    """Sessions that its links for devices began, with their streams and held polls, and links not used yet."""
    old_key = chat.command("bot", "add", "trillian").stdout.strip()
    browser, late = people(chat), people(chat)
    with Bot(chat, old_key) as bot:
        used, unused = (urlsplit(bot.post("/device").json["link"]).query.removeprefix("code=") for _ in range(2))
        assert browser.post("/device/use", code=used).json["user"]["name"] == "trillian", "premise"
        streams = [bot.listen("room=lobby"), browser.listen("room=lobby")]
        held = browser.ask(f"/poll?room=lobby&since={browser.cursor()}&wait=25")
        assert not held.comes_within(0.3)
        key = chat.command("bot", "add", "trillian").stdout.strip()
        for stream in streams:
            assert stream.expect("bye").data["reason"] == "revoked"
        assert held.answer().status == 200
    assert browser.user is None
    assert browser.post("/rooms/lobby/messages", body="still me").code == "sign_in"
    assert late.post("/device/use", code=unused).code == "invalid"
    with Bot(chat, key) as bot:
        assert bot.post("/rooms/lobby/messages", body="it goes on").status == 201
