"""Head files as the app keeps and names them: to those who may read, where nobody can be held, after every commit."""

import subprocess

import pytest

from chat.app import create_app
from chat.core import config as configuration
from chat.domain import bots
from chat.realtime import subscription
from chat.realtime.watermarks import Watermarks
from tests.support.clients import Person
from tests.support.direct import Browser
from tests.support.serving import LONGWAVE, TOP, environment, eventually, serve


@pytest.fixture
def site(tmp_path):
    """Makes the chat's app, with these settings besides."""
    made = []

    def make(**settings):
        settings = {"instance": tmp_path / "instance", "limits": "off", "heads_dir": tmp_path / "heads", **settings}
        environ = {f"CHAT_{name.upper()}": str(value) for name, value in settings.items()}
        app = create_app(configuration.load(environ))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["chat"].stop()


def signed_in(app, name, **how):
    browser = Browser(app, **how)
    assert browser.post("/sign-in", name=name).status_code == 200
    return browser


def heads_of(browser, query="room=lobby"):
    return browser.get(f"/poll?{query}").json.get("head_urls")


def number(tmp_path, address):
    return int((tmp_path / "heads" / address.rpartition("/")[2]).read_text())


@pytest.mark.parametrize("is_run_once", [False, True], ids=["one at a time", "CGI"])
def test_a_poll_names_the_file_of_each_room_and_a_post_is_in_it_when_it_is_answered(site, tmp_path, is_run_once):
    app = site()
    alice = signed_in(app, "alice", is_run_once=is_run_once)
    named = heads_of(alice)
    assert set(named) == {"lobby"} and named["lobby"].startswith("/heads/")
    for body in ("one", "two"):
        said = alice.post("/rooms/lobby/messages", body=body).json
        assert number(tmp_path, named["lobby"]) == said["id"]
    assert alice.get("/poll?room=lobby").json["cursor"] == said["id"]
    assert heads_of(alice) == named
    alice.post("/rooms", name="Garden")
    assert set(heads_of(alice, "")) == {"garden", "lobby"}, "who names no rooms reads all of theirs"


def test_only_who_may_read_a_room_is_told(site, tmp_path):
    app = site()
    alice, bob, visitor = signed_in(app, "alice"), signed_in(app, "bob"), Browser(app)
    for browser in (alice, bob):
        browser.get("/rooms/lobby")
    open_to_all = heads_of(visitor)["lobby"]
    alice.post("/owner/claim", code=(tmp_path / "instance" / "owner-code").read_text().strip())
    assert alice.post("/owner/rooms/lobby/close").status_code == 204
    assert visitor.get("/poll?room=lobby").status_code == 404
    closed = heads_of(bob)["lobby"]
    assert closed != open_to_all and not (tmp_path / "heads" / open_to_all.rpartition("/")[2]).exists()
    bobs = next(user["id"] for user in alice.get("/rooms/lobby/people").json["people"] if user["name"] == "bob")
    alice.post(f"/owner/people/{bobs}/ban", reason="spam")
    assert bob.get("/poll?room=lobby").json["error"]["code"] == "banned"
    after = heads_of(alice)["lobby"]
    assert after != closed and [path.name for path in (tmp_path / "heads").glob("*.txt")] == [after.rpartition("/")[2]]


@pytest.mark.parametrize("way", ["poll", "stream"])
def test_a_bot_whose_key_is_replaced_while_it_asks_hears_nothing(site, monkeypatch, way):
    app = site()
    hal = Browser(app)
    hal.get("/")
    store, of_reader = app.extensions["chat"].process.store, subscription.of_reader
    hal._environ["HTTP_AUTHORIZATION"] = f"Bearer {store.write(bots.add_bot, 'hal')}"
    assert heads_of(hal)

    def replaced_before(*arguments):
        store.write(bots.add_bot, "hal")
        return of_reader(*arguments)

    monkeypatch.setattr(subscription, "of_reader", replaced_before)
    assert hal.get(f"/{way}?room=lobby").status_code == 401


def test_whoever_has_a_head_file_is_to_ask_in_five_minutes_and_stays_here_for_seven(site):
    app = site()
    alice = signed_in(app, "alice")
    presence = app.extensions["chat"].process.presence
    stays = []
    presence.poll = lambda user, rooms, seconds: stays.append(seconds)
    asks_again = [alice.get("/poll?room=lobby").json["idle_ms"] for _ in range(20)]
    assert 240_000 <= min(asks_again) < max(asks_again) <= 360_000
    del stays[1:]
    process = app.extensions["chat"].process
    process.watermarks = Watermarks(configuration.load({"CHAT_INSTANCE": "unused"}), process.store)
    assert heads_of(alice) is None
    assert stays == [420, 60]


def test_where_readers_can_be_held_none_is_named(site):
    app = site()
    alice = signed_in(app, "alice")
    app.extensions["chat"].process.streams.most = 1
    assert heads_of(alice) is None
    app.extensions["chat"].process.streams.most = 0
    assert heads_of(alice)


@pytest.mark.parametrize(("url", "mount", "address"), [
    ("heads", "", "/heads/"), ("heads", "/chat", "/chat/heads/"), ("files/heads", "/chat", "/chat/files/heads/"),
    ("/files", "/chat", "/files/")])
def test_the_address_is_below_the_site_s_own_or_of_the_host(site, url, mount, address):
    app = site(heads_url=url)
    visitor = Browser(app)
    visitor._environ["SCRIPT_NAME"] = mount
    assert heads_of(visitor)["lobby"].startswith(address)


def test_what_a_killed_process_has_not_published_the_next_request_does(site, tmp_path, monkeypatch):
    app = site()
    alice = signed_in(app, "alice")
    named = heads_of(alice)["lobby"]
    with monkeypatch.context() as killed:
        killed.setattr(Watermarks, "publish", lambda self: False)
        said = alice.post("/rooms/lobby/messages", body="hi").json
    assert number(tmp_path, named) < said["id"]
    Browser(app).get("/")
    assert number(tmp_path, named) == said["id"]


def test_a_folder_that_cannot_be_written_costs_nobody_a_word(site, tmp_path):
    (tmp_path / "heads").write_text("a file")
    app = site()
    alice, bob = signed_in(app, "alice"), signed_in(app, "bob")
    said = alice.post("/rooms/lobby/messages", body="hi").json
    poll = bob.get("/poll?room=lobby&since=0").json
    assert "head_urls" not in poll and [event["id"] for event in poll["events"]].count(said["id"]) == 1


def test_a_command_tells_by_the_file_too(site, tmp_path):
    app = site()
    visitor = Browser(app)
    named = heads_of(visitor)["lobby"]
    before = number(tmp_path, named)
    settings = {"CHAT_HEADS_DIR": str(tmp_path / "heads")}
    environ = environment(tmp_path / "instance", {}) | settings
    subprocess.run([*LONGWAVE, "post", "lobby", "beep", "--as", "cron"], cwd=TOP, env=environ, check=True, timeout=60)
    assert number(tmp_path, named) > before
    checked = subprocess.run([*LONGWAVE, "check", "--url", "http://127.0.0.1:9/"], cwd=TOP, env=environ, text=True,
                             capture_output=True, timeout=60, check=False)
    assert "BAD  The web server doesn't serve head files at http://127.0.0.1:9/heads" in checked.stdout


def test_the_owner_is_told_whether_they_are_handed_out(site, tmp_path):
    app = site()
    alice = signed_in(app, "alice")
    alice.get("/rooms/lobby")
    alice.post("/owner/claim", code=(tmp_path / "instance" / "owner-code").read_text().strip())
    assert b"doesn&#39;t serve head files" in alice.get("/owner").data


def test_two_lasting_processes_write_one_number(tmp_path):
    """What the one posts stands in the file that the other named, whoever of them writes it."""
    with serve(workers=2, streams=0, heads_dir=tmp_path / "heads") as server:
        with Person(server, server.workers[0]) as alice, Person(server, server.workers[1]) as bob:
            alice.sign_in("alice")
            bob.sign_in("bob")
            named = bob.poll("room=lobby")["head_urls"]["lobby"]
            for turn in range(5):
                said = (alice, bob)[turn % 2].say(f"message {turn}")
                eventually(lambda: number(tmp_path, named) == said["id"])  # noqa: B023 (called at once)
