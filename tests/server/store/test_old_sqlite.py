"""SQLite 3.34 suffices: what is asked of it in the life of a chat holds nothing that is younger."""

import re
import sqlite3
from sqlite3 import dbapi2

import pytest

from chat.app import create_app
from chat.core import config as configuration
from chat.store import creation
from tests.support.direct import Browser

YOUNGER = re.compile(
    r"\bRETURNING\b|\bDROP\s+COLUMN\b|\bMATERIALIZED\b"  # 3.35
    r"|\)\s*STRICT\b|->"  # 3.37, 3.38
    r"|\b(unixepoch|format|iif|concat|concat_ws|string_agg|timediff|octet_length|jsonb\w*)\s*\("
    r"|\b(RIGHT|FULL)\s+(OUTER\s+)?JOIN\b|\bIS\s+(NOT\s+)?DISTINCT\s+FROM\b", re.IGNORECASE)


@pytest.fixture
def asked(monkeypatch):
    """Every statement that SQLite is given; SQLAlchemy is told that it is an old one."""
    statements: list[str] = []
    connect = dbapi2.connect

    def traced(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(dbapi2, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(dbapi2, "connect", traced)
    monkeypatch.setattr(sqlite3, "connect", traced)
    return statements


def test_nothing_younger_is_asked(asked, tmp_path):
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path), "CHAT_KEEP_DAYS": "30"})
    creation.upgrade(config)
    app = create_app(config)
    try:
        live(app, config)
    finally:
        app.extensions["chat"].stop()
    for table in ("users", "messages", "events", "rooms", "memberships", "sessions", "bans", "acts", "stays"):
        assert any(re.search(rf"\b{table}\b", statement) for statement in asked), table
    assert [statement for statement in asked if YOUNGER.search(statement)] == []


def live(app, config):
    """What people and owners do, once each."""
    alice, bob = Browser(app), Browser(app)
    for person, name in ((alice, "alice"), (bob, "bob")):
        assert person.post("/sign-in", name=name).status_code == 200
    assert alice.post("/rooms", name="Garden").status_code == 201
    message = alice.post("/rooms/lobby/messages", body="tpyo", client_id="one").json
    assert alice.post(f"/messages/{message['id']}/edit", body="typo").status_code == 200
    assert bob.post("/rooms/lobby/messages", body="spam").status_code == 201
    pages = ("/", "/rooms/lobby", "/rooms/lobby?before=99", "/rooms/lobby/messages?around=3", "/healthz", "/me",
             "/poll?room=lobby&since=0", "/stream?room=lobby", "/rooms/lobby/people", "/rooms/lobby/refresh?since=0")
    for path in (f"/messages/{message['id']}", *pages):
        assert bob.get(path).status_code == 200, path
    assert bob.post("/rooms/lobby/read", id=message["id"]).status_code == 204
    assert bob.post("/rooms/lobby/here", state="away").status_code == 204
    assert bob.post("/rooms/garden/join").status_code == 200
    assert bob.post("/rooms/garden/leave").status_code == 204
    assert alice.post("/owner/claim", code=app.extensions["chat"].process.owner_code()).status_code == 204
    assert alice.post(f"/messages/{message['id']}/remove").status_code == 200
    assert alice.post("/owner/settings", CHAT_SITE_NAME="Elsewhere").status_code == 204
    assert alice.post("/owner/rooms/garden/close").status_code == 204
    assert alice.get("/owner").status_code == 200
    bobs_id = bob.get("/session").json["user"]["id"]
    assert alice.post(f"/owner/people/{bobs_id}/ban", reason="spam").status_code == 204
    assert alice.post(f"/owner/people/{bobs_id}/unban").status_code == 204
    assert alice.post("/sign-out").status_code == 204

