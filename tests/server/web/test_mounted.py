"""Under a path of a larger site, and behind a proxy that is trusted, or is not."""

import pytest

from tests.support.clients import FORM
from tests.support.serving import eventually, serve

CLIENT = "203.0.113.77"


@pytest.fixture(scope="module", params=["script name", "proxy"])
def mounted(request):
    """The chat under /chat/, because the server was told so, or because a trusted proxy says it with each request."""
    if request.param == "script name":
        with serve(workers=1, environ={"SCRIPT_NAME": "/chat"}) as server:
            yield server, {}
    else:
        with serve(workers=1, trusted_proxies="127.0.0.1", log_addresses="full") as server:
            yield server, {"X_Forwarded_Prefix": "/chat"}


@pytest.fixture
def alice(mounted, people):
    server, headers = mounted
    return people(server, "alice", **headers)


def test_every_address_on_every_page_lies_under_the_path(alice):
    message = f"/messages/{alice.say('hi')['id']}"
    for path in ("/", "/rooms/lobby", "/rooms/new", "/device", message, "/rooms/lobby/refresh?since=0", "/nowhere"):
        page = alice.get(path).page
        local = [address for address in page.addresses if not address.startswith("#")]
        assert local and all(address.startswith("/chat/") for address in local), path
        assert "url=/" not in page.raw.replace("url=/chat/", "")


def test_the_addresses_lead_where_they_say(alice):
    page = alice.look("/rooms/lobby")
    links = [link[name] for tag, name in (("a", "href"), ("link", "href"), ("script", "src"), ("iframe", "src"))
             for link in page.find(tag) if name in link and link[name].startswith("/")]
    assert len(links) > 10
    for link in links:
        assert alice.get(link.removeprefix("/chat")).status == 200, link


def test_redirects_stay_under_the_path(mounted, people):
    server, headers = mounted
    somebody = people(server, **headers)
    answer = somebody.get("/rooms/new")
    assert (answer.status, answer.headers["Location"]) == (303, "/chat/sign-in?next=/chat/rooms/new")
    form = somebody.look("/sign-in?next=/chat/rooms/new").form("/sign-in")
    answer = somebody.submit(form._replace(action=form.action.removeprefix("/chat")), name="redirected")
    assert (answer.status, answer.headers["Location"]) == (303, "/chat/rooms/new")
    answer = somebody.post("/sign-out", accept="text/html")
    assert answer.headers["Location"] == "/chat/"
    answer = people(server, **headers).post("/sign-in", accept="text/html", name="sent on")
    assert answer.headers["Location"] == "/chat/rooms/lobby"


def test_cookies_belong_to_the_path(mounted, people):
    server, headers = mounted
    answer = people(server, **headers).post("/sign-in", name="cookie monster")
    assert [line for line in answer.headers.get_all("Set-Cookie") if "Path=/chat/;" in line + ";"] \
        == answer.headers.get_all("Set-Cookie")


def test_nothing_of_the_path_is_in_a_message(alice):
    assert "/chat" not in alice.say("hi")["html"]


def test_the_stream_flows_under_the_path(alice):
    stream = alice.listen("room=lobby")
    alice.say("through")
    stream.expect_message("through")


def test_the_link_for_another_device_is_whole(alice, mounted):
    server, _ = mounted
    assert alice.post("/device").json["link"].startswith(f"http://{server.host}:{server.port}/chat/device?code=")


# Proxies


@pytest.fixture(scope="module")
def proxied():
    with serve(workers=1, trusted_proxies="127.0.0.1, 198.51.100.0/24") as server:
        yield server


def test_a_trusted_proxy_says_scheme_and_host(proxied, people):
    alice = people(proxied, X_Forwarded_Proto="https", X_Forwarded_Host="chat.example")
    answer = alice.post("/sign-in", name="over https")
    assert all("; Secure" in line for line in answer.headers.get_all("Set-Cookie"))
    assert alice.post("/device").json["link"].startswith("https://chat.example/device?code=")
    token = alice.token()
    assert alice.post("/rooms/lobby/messages", token=token, body="hi").status == 201
    for origin, status in (("https://chat.example", 201), ("https://evil.example", 403)):
        answer = alice.request("POST", "/rooms/lobby/messages", "body=hi", Origin=origin, X_CSRF_Token=token,
                               Accept="application/json", Content_Type=FORM)
        assert answer.status == status


def logged_for(server, person, path):
    """The address that stands in the log for this request."""
    person.get(path)
    return eventually(lambda: next((line.split()[-1] for line in server.log.splitlines() if f" {path} " in line), ""))


@pytest.mark.parametrize(("said", "logged"), [
    (CLIENT, "203.0.113.0"), (f"198.18.5.5, {CLIENT}", "203.0.113.0"), (f"{CLIENT}, 198.51.100.9", "203.0.113.0"),
    ("2001:db8:1:2:3::77", "2001:db8:1::"), ("", "127.0.0.0"), ("nonsense", "-")])
def test_a_trusted_proxy_says_who_asks_and_nobody_lends_themselves_an_address(proxied, people, said, logged):
    path = f"/rooms/{abs(hash(said))}"
    assert logged_for(proxied, people(proxied, X_Forwarded_For=said), path) == logged
    assert CLIENT not in proxied.log


def test_an_address_is_whole_in_the_log_where_the_operator_wants_it_so(mounted, people):
    server, is_believed = mounted
    assert logged_for(server, people(server, X_Forwarded_For=CLIENT), "/rooms/whole") \
        == (CLIENT if is_believed else "127.0.0.0")


def test_nobody_else_is_believed(chat, people):
    mallory = people(chat, "mallory", X_Forwarded_For=CLIENT, X_Forwarded_Proto="https",
                     X_Forwarded_Host="evil.example", X_Forwarded_Prefix="/evil", X_Script_Name="/evil",
                     Forwarded=f"for={CLIENT};proto=https;host=evil.example")
    assert mallory.post("/device").json["link"].startswith(chat.base_url)
    assert all(not address.startswith("/evil") for address in mallory.look("/rooms/lobby").addresses)
    assert logged_for(chat, mallory, "/rooms/of-mallory") == "127.0.0.0"
