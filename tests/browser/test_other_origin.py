"""The example of a page elsewhere that follows a room: another port, another host name, another site, not listed."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.elsewhere import a_site
from tests.support.serving import eventually

EXAMPLE = Path(__file__).parents[2] / "deploy" / "other-origin"
CHAT_IN_EXAMPLE = b"https://chat.example.org"
# What Chromium itself writes about answers that a page may not read.
REFUSED = r"blocked by CORS policy|net::ERR_FAILED"


class Site(BaseHTTPRequestHandler):
    """The example's files, with the chat's address filled in."""

    chat_url = ""

    def do_GET(self):
        path = EXAMPLE / self.path.lstrip("/").partition("?")[0]
        if not path.is_file():
            self.send_response(204)  # what browsers ask of every site, its icon
            return self.end_headers()
        body = path.read_bytes().replace(CHAT_IN_EXAMPLE, type(self).chat_url.encode())
        self.send_response(200)
        self.send_header("Content-Type", {".html": "text/html; charset=utf-8"}.get(path.suffix, "text/javascript"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def other_site():
    with a_site(Site) as made:
        yield made


def name_of(url, host):
    return url.replace("127.0.0.1", host)


@pytest.fixture
def follow(serving, window, people, other_site):
    """Opens the example at one host name, following a chat at another; carol is signed in there, alice writes."""

    def follow(page_host, chat_host, *, is_listed=True, forgives="(?!)", **settings):
        port, handler = other_site
        origin = f"http://{page_host}:{port}"
        listed = f"http://elsewhere.example, {origin}" if is_listed else "http://elsewhere.example"
        server = serving(allowed_origins=listed, **settings)
        handler.chat_url = name_of(server.base_url, chat_host)
        carol, alice = people(server, "carol"), people(server, "alice")
        opened = window(at=origin, forgives=forgives)
        opened.context.add_cookies([{"name": name, "value": value, "url": handler.chat_url + "/", "sameSite": "Lax"}
                                    for name, value in carol.cookies.items()])
        alice.say("before")
        return opened.go("/index.html"), alice, carol, server

    return follow


def state_of(opened):
    return opened.find("#state")


def whoever_asks(opened, server):
    """What the chat tells this page of the reader, their cookies included."""
    return opened.page.evaluate("""url => fetch(url + '/session', { credentials: 'include' }).then(a => a.json())""",
                                name_of(server.base_url, "localhost"))


def bodies(opened):
    return opened.find("#said p")


@pytest.mark.parametrize(("page_host", "chat_host"), [
    ("localhost", "localhost"),  # another port
    ("blog.chat.localhost", "chat.localhost"),  # and another host name, of the same site
])
def test_a_page_of_the_same_site_follows_in_the_reader_s_name(follow, page_host, chat_host):
    """The site is open to nobody without a name, so what is shown was asked for with carol's cookie."""
    opened, alice, carol, _ = follow(page_host, chat_host, public="off")
    expect(state_of(opened)).to_have_text("live")
    expect(bodies(opened)).to_have_text(["before"])
    said = alice.say("<b>live</b>")
    expect(bodies(opened)).to_have_text(["before", "<b>live</b>"])
    alice.post(f"/messages/{said['id']}/edit", body="edited")
    expect(bodies(opened)).to_have_text(["before", "edited"])
    alice.post(f"/messages/{said['id']}/remove")
    expect(bodies(opened)).to_have_text(["before", "removed"])
    # Carol is here, by her stream.
    eventually(lambda: "carol" in [each["name"] for each in alice.get("/rooms/lobby/people").json["people"]])


def test_it_goes_on_where_it_ended_when_the_chat_is_back(follow):
    opened, alice, _, server = follow("localhost", "localhost", forgives="net::ERR_")
    expect(state_of(opened)).to_have_text("live")
    server.stop()
    server.start()
    alice.close()
    alice.say("after the restart")
    expect(bodies(opened)).to_have_text(["before", "after the restart"])


def test_a_page_of_another_site_reads_as_a_visitor(follow):
    opened, alice, _, server = follow("127.0.0.1", "localhost")
    expect(state_of(opened)).to_have_text("live")
    alice.say("for everybody")
    expect(bodies(opened)).to_have_text(["before", "for everybody"])
    assert whoever_asks(opened, server)["user"] is None


def test_a_page_of_another_site_is_told_why_it_may_not_read(follow):
    opened, _, _, _ = follow("127.0.0.1", "localhost", public="off", forgives="401")
    expect(state_of(opened)).to_contain_text("Pick a name to see this chat.")
    expect(bodies(opened)).to_have_count(0)


def test_a_page_that_is_not_listed_reads_nothing_and_says_so(follow):
    opened, _, _, _ = follow("localhost", "localhost", is_listed=False, forgives=REFUSED)
    expect(state_of(opened)).to_contain_text("CHAT_ALLOWED_ORIGINS")
    expect(bodies(opened)).to_have_count(0)


def test_a_listed_page_cannot_post_by_any_means(follow):
    """By script, with what it can read; and by a form, whose answer it does not need to read."""
    opened, alice, _, server = follow("localhost", "localhost", forgives=f"{REFUSED}|403|400")
    expect(state_of(opened)).to_have_text("live")
    session = whoever_asks(opened, server)
    assert session["user"]["name"] == "carol", "premise: it is asked in her name"
    assert session["csrf_token"] is None
    for referrer in ("origin", "no-referrer"):  # without one, the browser says that the origin is `null`
        with opened.page.expect_navigation():
            opened.page.evaluate("""([url, token, referrer]) => {
                const meta = document.createElement('meta');
                meta.name = 'referrer';
                meta.content = referrer;
                document.head.appendChild(meta);
                const form = document.createElement('form');
                form.method = 'post';
                form.action = url + '/rooms/lobby/messages';
                form.innerHTML = '<input name=body value=forged><input name=csrf_token>';
                form.elements.csrf_token.value = token;
                document.body.appendChild(form);
                form.submit();
            }""", [name_of(server.base_url, "localhost"), session["csrf_token"], referrer])
        opened.go("/index.html")
    assert [each["body"] for each in alice.get("/rooms/lobby/messages").json["messages"]] == ["before"]
