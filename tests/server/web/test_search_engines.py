"""What machines are told: to stay away unless they are wanted; no message in a preview; whom to tell of a hole."""

import re

import pytest

from tests.support.serving import serve

SECRET = "nobody's business"
PAGES = ["/", "/rooms/lobby", "/sign-in", "/nowhere", "/messages/{id}"]
OTHERS = ["/robots.txt", "/static/css/base.css", "/session", "/poll?room=lobby&since=0", "/rooms/lobby/messages",
          "/healthz"]


@pytest.fixture(scope="module")
def listed():
    """A chat that search engines may list, with a welcome and a contact."""
    with serve(workers=1, index="1", site_name="Harbour & <Co>", welcome="A quiet place.\nBring tea.",
               security_contact="https://harbour.example/report?a=1&b=2") as server:
        yield server


def test_search_engines_are_told_to_stay_away(alice, visitor):
    message = alice.say(SECRET)
    for path in [*PAGES, *OTHERS]:
        answer = visitor.get(path.format(id=message["id"]))
        assert (path, answer.headers["X-Robots-Tag"]) == (path, "noindex")
    for path in PAGES:
        assert visitor.get(path.format(id=message["id"])).page.metas["robots"] == "noindex"
    assert visitor.request("HEAD", "/stream").headers["X-Robots-Tag"] == "noindex"
    robots = visitor.get("/robots.txt")
    assert robots.headers["Content-Type"].startswith("text/plain")
    assert robots.text == "User-agent: *\nDisallow: /\n"


def test_where_they_are_wanted_nothing_keeps_them_out(listed, people):
    visitor = people(listed)
    for path in ["/", "/rooms/lobby", *OTHERS]:
        answer = visitor.get(path)
        assert answer.headers["X-Robots-Tag"] is None
        assert "noindex" not in answer.text
    assert visitor.get("/robots.txt").text == "User-agent: *\nDisallow:\n"


def previews(page):
    """What a program that draws previews takes from a page."""
    properties = {tag["property"]: tag["content"] for tag in page.find("meta") if "property" in tag}
    return page.title, page.metas["description"], properties["og:title"], properties["og:description"]


def test_a_preview_has_the_chats_title_and_description_and_no_message(listed, people, alice, visitor):
    message = alice.say(SECRET)
    for path in ("/", "/rooms/lobby", f"/messages/{message['id']}"):
        title, description, *again = previews(visitor.look(path))
        assert title and description and again == ["Longwave", description]
        head = visitor.get(path).text.partition("</head>")[0]
        assert SECRET not in head and "alice" not in head
    title, description, *again = previews(people(listed).look("/"))
    assert title == "Harbour & <Co>" and description == "A quiet place.\nBring tea."
    assert again == [title, description]


def test_a_preview_uses_no_code_up(alice, people, chat):
    link = alice.post("/device").json["link"].removeprefix(chat.base_url)
    robot = people(chat)
    for _ in range(2):
        assert robot.get(link).status == robot.request("HEAD", link).status == 200
    assert people(chat).post("/device/use", code=link.partition("code=")[2]).status == 200


def test_who_finds_a_hole_is_told_whom_to_ask(listed, people):
    answer = people(listed).get("/.well-known/security.txt")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    contact, expires, canonical = answer.text.splitlines()
    assert contact == "Contact: https://harbour.example/report?a=1&b=2"
    assert re.fullmatch(r"Expires: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", expires)
    assert canonical == f"Canonical: {listed.base_url}/.well-known/security.txt"


def test_without_a_contact_there_is_no_such_file(visitor):
    answer = visitor.get("/.well-known/security.txt")
    assert answer.status == 404
