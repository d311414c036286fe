"""A hostile page on another port of the same host, whose cookies a browser shares with the chat."""

from html import escape
from http.server import BaseHTTPRequestHandler

import pytest
from playwright.sync_api import expect

from tests.browser.elsewhere import a_site

PAGE = """<!doctype html><html lang="en"><title>Hostile</title><meta name="referrer" content="{referrer}">
<form method="post" action="{action}"><input name="body" value="forged"><input name="name" value="Forged">
<input name="csrf_token" value="{token}"><button>Win a prize</button></form>"""


class Hostile(BaseHTTPRequestHandler):
    page = ""
    cookies: tuple[str, ...] = ()

    def do_GET(self):
        self.send_response(200 if self.path == "/" else 204)
        for cookie in type(self).cookies:
            self.send_header("Set-Cookie", f"{cookie}; Path=/; HttpOnly")
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if self.path == "/":
            self.wfile.write(type(self).page.encode())


@pytest.fixture
def lure(chat, window):
    """Leads a browser to the hostile page, which plants what it was given and posts; returns what the chat said."""
    with a_site(Hostile) as (port, handler):
        def lure(person, path, token, plants, referrer="no-referrer"):
            opened = window(person, forgives="status of 40[03]")
            handler.cookies = plants
            handler.page = PAGE.format(action=escape(chat.base_url + path), token=escape(token), referrer=referrer)
            opened.page.goto(f"http://127.0.0.1:{port}/")
            with opened.page.expect_navigation(url=f"{chat.base_url}/**") as navigation:
                opened.page.get_by_role("button").click()
            return opened, navigation.value
        yield lure


@pytest.fixture
def mallory(chat, people):
    return people(chat, "mallory")


@pytest.mark.parametrize("referrer", ["no-referrer", "origin"])
def test_a_planted_token_posts_nothing_in_the_name_of_whoever_came_by(lure, carol, mallory, garden, referrer):
    plants = (f"{mallory.token_cookie}={mallory.cookies[mallory.token_cookie]}",)
    opened, answer = lure(carol, f"/rooms/{garden}/messages", mallory.token(), plants, referrer)
    assert answer.status == 403
    assert not carol.get(f"/rooms/{garden}/messages").json["messages"]
    planted = {cookie["name"]: cookie["value"] for cookie in opened.context.cookies()}[mallory.token_cookie]
    assert planted == mallory.cookies[mallory.token_cookie], "premise: it was planted"
    opened.go(f"/rooms/{garden}")
    opened.say("And the chat goes on")
    opened.expect_said("And the chat goes on")
    assert [said["author"]["name"] for said in carol.get(f"/rooms/{garden}/messages").json["messages"]] == ["carol"]


def test_nobody_is_signed_in_under_a_name_that_another_page_chose(lure, people, chat):
    planter = people(chat)
    token = planter.token()
    opened, answer = lure(None, "/sign-in", token, (f"{planter.token_cookie}={planter.cookies[planter.token_cookie]}",))
    assert answer.status == 403
    opened.go("/sign-in")
    expect(opened.page.get_by_label("Your name")).to_have_value("")
    assert not chat.query("SELECT 1 FROM users WHERE name = 'Forged'")
