"""Processes that do not last between their requests: no threads, sockets or handles, and nothing is left undone."""

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from chat.app import create_app
from chat.core import config as configuration
from chat.core import times
from chat.domain import retention
from tests.support.direct import Browser
from tests.support.serving import LONGWAVE, TOP, environment, eventually, open_files

CGI = TOP / "deploy" / "cgi" / "longwave.cgi"


@pytest.fixture
def app(tmp_path):
    app = create_app(configuration.load({"CHAT_INSTANCE": str(tmp_path / "instance"), "CHAT_LIMITS": "off"}))
    yield app
    app.extensions["chat"].stop()


def command(instance, *arguments):
    """What somebody with a shell does meanwhile."""
    subprocess.run([*LONGWAVE, *arguments], cwd=TOP, env=environment(instance, {}), check=True, timeout=60)


@pytest.mark.parametrize("is_run_once", [False, True], ids=["one at a time", "CGI"])
def test_no_thread_and_no_socket_is_needed(app, is_run_once, tmp_path):
    before = set(threading.enumerate())
    alice, bob = Browser(app, is_run_once), Browser(app, is_run_once)
    for person, name in ((alice, "alice"), (bob, "bob")):
        assert person.post("/sign-in", name=name).status_code == 200
    said = alice.post("/rooms/lobby/messages", body="hi").json
    poll = bob.get("/poll?room=lobby&since=0&wait=25").json
    assert said in [event["data"] for event in poll["events"]]
    assert b"event: mode" in bob.get("/stream?room=lobby").data
    assert {user["name"] for user in alice.get("/rooms/lobby/people").json["people"]} >= {"bob"}
    assert set(threading.enumerate()) <= before  # one of an earlier test may just have ended
    assert not (tmp_path / "instance" / "run").exists()


def test_under_cgi_nothing_stays_open(app, tmp_path):
    alice = Browser(app, is_run_once=True)
    alice.post("/sign-in", name="alice")
    alice.post("/rooms/lobby/messages", body="hi")
    assert not [file for file in open_files(os.getpid()) if file.startswith(str(tmp_path))]
    assert not (tmp_path / "instance" / "longwave.db-wal").exists(), "and everything lies in the database"


@pytest.fixture
def two_apps(tmp_path):
    """Two processes of one chat, as Passenger, uWSGI and gunicorn's sync worker have them."""
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path / "instance"), "CHAT_LIMITS": "off",
                                 "CHAT_RING_EVENTS": "16"})
    apps = [create_app(config), create_app(config)]
    yield apps
    for app in apps:
        app.extensions["chat"].stop()


def test_no_process_goes_on_showing_the_roster_that_it_showed_first(two_apps):
    def here(browser):
        poll = browser.get("/poll?room=lobby").json
        told = [event["data"] for event in poll["events"] if event["event"] == "presence"]
        return [{user["name"] for user in roster["here"]} for roster in told]

    one, other = map(Browser, two_apps)
    for browser in (one, other):
        assert browser.get("/rooms/lobby").status_code == 200
        assert here(browser) == [set()]
    alice = Browser(two_apps[0])
    alice.post("/sign-in", name="alice")
    alice.get("/poll?room=lobby")
    assert here(one) == here(other) == [{"alice"}]


def test_what_others_did_counts_with_the_next_request(app):
    alice, bob = Browser(app), Browser(app)
    alice.post("/sign-in", name="alice")
    bob.post("/sign-in", name="bob")
    instance = app.extensions["chat"].operators_config.instance
    command(instance, "ban", "bob")
    assert bob.get("/rooms/lobby").status_code == 403
    with closing(sqlite3.connect(instance / "longwave.db", timeout=20)) as database, database:
        database.execute("INSERT INTO inbox(room, author, body) VALUES ('lobby', 'cron', 'from outside')")
    assert b"from outside" in alice.get("/rooms/lobby").data


def test_what_others_do_each_minute_is_done_after_a_request(app, tmp_path):
    alice = Browser(app)
    alice.post("/sign-in", name="alice")
    said = alice.post("/rooms/lobby/messages", body="to be forgotten").json
    assert alice.post("/me/forget", choice="remove", sure="on").status_code in (200, 204, 303)
    stamp = tmp_path / "instance" / "upkeep"
    os.utime(stamp, (0, 0))
    Browser(app).get("/")
    assert b"to be forgotten" not in Browser(app).get(f"/poll?room=lobby&since={said['id'] - 1}").data
    done_at = stamp.stat().st_mtime
    Browser(app).get("/")
    assert stamp.stat().st_mtime == done_at, "once a minute"


def test_far_behind_it_does_not_read_the_whole_log(two_apps, tmp_path):
    late, alice = map(Browser, two_apps)
    late.get("/poll?room=lobby")
    alice.post("/sign-in", name="alice")
    for number in range(20):
        alice.post("/rooms/lobby/messages", body=f"message {number}")
    alice.post("/owner/claim", code=(tmp_path / "instance" / "owner-code").read_text().strip())
    alice.post("/owner/settings", CHAT_SITE_NAME="Elsewhere")
    found = late.get("/poll?room=lobby&since=0").json["events"]
    assert [event["data"]["body"] for event in found if event["event"] == "message"] \
        == [f"message {number}" for number in range(20)]
    assert b"Elsewhere" in late.get("/").data


def test_what_has_left_the_log_meanwhile_counts_all_the_same(two_apps, tmp_path):
    late, alice, bob = Browser(two_apps[0]), Browser(two_apps[1]), Browser(two_apps[0])
    alice.post("/sign-in", name="alice")
    bob.post("/sign-in", name="bob")
    alice.post("/owner/claim", code=(tmp_path / "instance" / "owner-code").read_text().strip())
    alice.post("/owner/settings", CHAT_SITE_NAME="Elsewhere")
    command(tmp_path / "instance", "ban", "bob")
    two_apps[1].extensions["chat"].process.store.write(retention.prune, times.now(), 1_000_000)
    alice.post("/rooms/lobby/messages", body="much later")
    assert bob.get("/rooms/lobby").status_code == 403
    assert b"Elsewhere" in late.get("/").data


# The program of deploy/cgi itself


@pytest.fixture
def ask(tmp_path):
    """Run the CGI program as a web server does; returns what it wrote."""
    script = tmp_path / "longwave.cgi"
    script.write_text(CGI.read_text().replace("/home/alice/longwave/instance", str(tmp_path / "instance"))
                      .replace("/home/alice/longwave", str(TOP)))

    def run(path, query=""):
        environ = environment(tmp_path / "instance", {}) | {
            "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/chat/longwave.cgi",
            "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"}
        ran = subprocess.run([sys.executable, script], env=environ, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0 and "Traceback" not in ran.stderr, ran.stderr
        return ran.stdout

    return run


def test_first_requests_at_once_make_one_database(ask, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, ["/rooms/lobby"] * 4))
    assert all(answer.startswith("Status: 200 OK") for answer in answers), answers
    assert '"/chat/rooms/lobby' in answers[0] and "longwave.cgi" not in answers[0]
    eventually(lambda: not Path(f"{tmp_path}/instance/longwave.db-wal").exists())


def test_a_database_of_another_version_is_answered_in_one_sentence_and_not_migrated(ask, tmp_path):
    ask("/")
    database = tmp_path / "instance" / "longwave.db"
    subprocess.run(["sqlite3", database, "UPDATE alembic_version SET version_num = '0000'"], check=True, timeout=30)
    before = database.read_bytes()
    answer = ask("/poll", "room=lobby")
    assert answer.startswith("Status: 503") and "another version of Longwave" in answer
    assert database.read_bytes() == before
