"""Every refusal has its status and its code, in words for people and as JSON for programs."""

import pytest

REFUSED = [
    ("GET", "/nowhere", 404, "not_found"),
    ("GET", "/rooms/nowhere", 404, "not_found"),
    ("GET", "/rooms/nowhere/messages", 404, "not_found"),
    ("GET", "/rooms/nowhere/people", 404, "not_found"),
    ("GET", "/rooms/nowhere/refresh?since=0", 404, "not_found"),
    ("GET", "/rooms/..%2f..%2fsecret", 404, "not_found"),
    ("GET", "/rooms/%ff", 404, "not_found"),
    ("GET", "/messages/987654321", 404, "not_found"),
    ("GET", "/messages/99999999999999999999999", 404, "not_found"),
    ("GET", "/stream?room=nowhere", 404, "not_found"),
    ("GET", "/stream?room=lobby&room=nowhere", 404, "not_found"),
    ("GET", "/poll?room=%ff", 404, "not_found"),
    ("GET", "/rooms/lobby?before=x", 400, "invalid"),
    ("GET", "/rooms/lobby/refresh", 400, "invalid"),
    ("GET", "/rooms/lobby/refresh?since=-1", 400, "invalid"),
    ("GET", "/rooms/lobby/messages?limit=0", 400, "invalid"),
    ("GET", "/rooms/lobby/messages?limit=201", 400, "invalid"),
    ("GET", "/rooms/lobby/messages?before=%D9%A1", 400, "invalid"),
    ("GET", "/rooms/lobby/messages?after=9007199254740992", 400, "invalid"),
    ("GET", "/rooms/lobby/people?limit=many", 400, "invalid"),
    ("GET", "/poll?since=0&wait=26", 400, "invalid"),
    ("GET", "/poll?since=0&wait=-1", 400, "invalid"),
    ("GET", "/device", 401, "sign_in"),
    ("GET", "/rooms/new", 401, "sign_in"),
    ("POST", "/poll", 405, "method"),
    ("POST", "/nowhere", 404, "not_found"),
    ("PUT", "/rooms/lobby", 405, "method"),
    ("DELETE", "/messages/1", 405, "method"),
    ("GET", "/me/forget", 405, "method"),
]


@pytest.mark.parametrize(("method", "path", "status"), [
    ("POST", "/nowhere", 404), ("POST", "/robots.txt", 405), ("PUT", "/poll", 405), ("POST", "/static/none.js", 405)])
@pytest.mark.parametrize("body", [b"body=" + b"x" * 300_000, b"body=\xff", b"a&" * 2000],
                         ids=["huge", "no text", "many"])
def test_where_no_view_is_reached_a_body_that_cannot_be_read_changes_nothing(visitor, method, path, status, body):
    answer = visitor.request(method, path, body, Content_Type="application/x-www-form-urlencoded", Accept="text/html")
    assert answer.status == status


def test_nor_does_one_whose_chunks_are_broken(visitor):
    answer = visitor.request("POST", "/nowhere", b"nothing like a chunk\r\n", Transfer_Encoding="chunked",
                             Accept="text/html")
    assert answer.status in (400, 404)


def test_what_was_typed_is_kept_where_no_view_is_reached(visitor):
    answer = visitor.request("POST", "/nowhere", b"body=typed+at+length", Accept="text/html",
                             Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 404 and "typed at length" in answer.text


@pytest.mark.parametrize(("method", "path", "status", "code"), REFUSED, ids=lambda value: str(value))
def test_a_program_is_refused_in_json(visitor, method, path, status, code):
    answer = visitor.request(method, path, Accept="application/json")
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["error"]["message"].endswith(".")


@pytest.mark.parametrize(("path", "status"), [
    ("/nowhere", 404), ("/rooms/nowhere", 404), ("/messages/987654321", 404), ("/rooms/lobby?before=x", 400),
    ("/rooms/lobby/refresh", 400), ("/me/forget", 405)])
def test_a_person_is_refused_on_a_page_in_the_same_words(visitor, path, status):
    answer = visitor.get(path)
    sentence = visitor.get(path, Accept="application/json").json["error"]["message"]
    assert answer.status == status
    assert sentence in answer.page.text
    assert "/" in answer.page.addresses, "there is a way back"


@pytest.mark.parametrize("path", ["/rooms/new", "/device"])
def test_whoever_needs_a_name_for_a_page_is_led_to_the_question_and_back(visitor, path):
    answer = visitor.get(path)
    assert answer.status == 303
    question = visitor.look(answer.headers["Location"])
    answer = visitor.submit(question.form("/sign-in"), name=f"led to {path}")
    assert (answer.status, answer.headers["Location"]) == (303, path)


@pytest.mark.parametrize("path", ["/stream?room=nowhere", "/poll?room=nowhere", "/rooms/nowhere/messages",
                                  "/rooms/nowhere/people", "/poll?since=x", "/stream?since=x"])
def test_what_is_json_by_nature_is_refused_in_json_to_everybody(visitor, path):
    assert visitor.get(path, Accept="text/html").code in ("not_found", "invalid")


@pytest.mark.parametrize("path", ["/", "/sign-in", "/rooms/lobby", "/rooms/nowhere", "/session", "/stream"])
def test_every_answer_tells_browsers_to_be_strict(visitor, path):
    headers = visitor.request("HEAD", path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert headers["X-Frame-Options"] == "SAMEORIGIN", "the same for browsers that do not know frame-ancestors"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_script_or_style_in_it(alice, garden):
    message = f"/messages/{alice.say('hi', room=garden)['id']}"
    for path in ("/", "/rooms/new", f"/rooms/{garden}", message, "/device", f"/rooms/{garden}/refresh?since=0"):
        page = alice.look(path)
        assert all("src" in script for script in page.find("script"))
        assert not list(page.find("style"))
        assert not [name for _, found in page.tags for name in found if name == "style" or name.startswith("on")]
        assert not [address for address in page.addresses if not address.startswith(("/", "#"))], "of this site alone"


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "/me/forget", {"POST", "OPTIONS"}), ("POST", "/poll", {"GET", "HEAD", "OPTIONS"}),
    ("PUT", "/rooms/lobby", {"GET", "HEAD", "OPTIONS"}), ("DELETE", "/sign-in", {"GET", "HEAD", "POST", "OPTIONS"})])
def test_who_uses_an_address_in_a_wrong_way_is_told_the_right_ones(visitor, method, path, allowed, accept):
    answer = visitor.request(method, path, Accept=accept)
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_who_asks_for_a_part_that_is_not_there_is_told_how_long_the_file_is(visitor, accept):
    whole = visitor.get("/static/css/base.css")
    assert whole.status == 200, "premise"
    answer = visitor.get("/static/css/base.css", Accept=accept, Range="bytes=99999999-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(whole.body)}")
    assert visitor.get("/static/css/base.css", Range="bytes=0-9").status == 206
