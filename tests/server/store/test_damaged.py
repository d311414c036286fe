"""A database that is damaged, before a server starts or while it runs, and what the commands say of it."""

import sqlite3
import subprocess
from contextlib import closing

import pytest

from chat.core import config as configuration
from chat.store import creation
from tests.support.clients import Person
from tests.support.serving import LONGWAVE, TOP, environment, eventually, serve

FORGIVES = "is damaged|is a folder|can't read its data|could not save|unable to open|not a database|malformed"


def damage(path, how):
    """Damage the database; returns what it was."""
    whole = path.read_bytes()
    path.unlink()
    if how == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"no database at all\n" * 1000 if how == "no database" else whole[:200] + b"x" * 20_000)
    return whole


DAMAGE = ["no database", "malformed", "a folder"]
COMMANDS = [("check",), ("room", "list"), ("post", "--as", "cron", "lobby", "hi"), ("bot", "add", "hal"), ("owner",),
            ("ban", "bob"), ("upgrade",)]


@pytest.mark.parametrize("how", DAMAGE)
def test_every_command_ends_with_one_sentence(tmp_path, how):
    creation.upgrade(configuration.load({"CHAT_INSTANCE": str(tmp_path)}))
    damage(tmp_path / "longwave.db", how)
    for arguments in COMMANDS:
        ran = subprocess.run([*LONGWAVE, *arguments], cwd=TOP, env=environment(tmp_path, {}), timeout=60, text=True,
                             capture_output=True)
        assert ran.returncode == 1 and "Traceback" not in ran.stderr, (arguments, ran.stderr)
        said = [line for line in (ran.stdout + ran.stderr).splitlines() if "longwave.db" in line]
        assert len(said) == 1 and ("is damaged" in said[0] or "is a folder" in said[0]), (arguments, said)


def test_a_newer_version_s_database_is_not_upgraded_and_that_is_one_sentence(tmp_path):
    creation.upgrade(configuration.load({"CHAT_INSTANCE": str(tmp_path)}))
    with closing(sqlite3.connect(tmp_path / "longwave.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    ran = subprocess.run([*LONGWAVE, "upgrade"], cwd=TOP, env=environment(tmp_path, {}), timeout=60, text=True,
                         capture_output=True)
    assert ran.returncode == 1 and len(ran.stderr.splitlines()) == 1 and "newer version" in ran.stderr


@pytest.mark.parametrize("how", DAMAGE)
def test_a_server_that_starts_with_it_answers_and_does_not_end(tmp_path, how):
    with serve(forgives=FORGIVES) as server:
        server.stop()
        path = server.instance / "longwave.db"
        whole = damage(path, how)
        server.start()
        with Person(server) as somebody:
            for address in ("/", "/rooms/lobby", "/poll?room=lobby", "/stream?room=lobby", "/healthz"):
                answer = somebody.get(address)
                assert answer.status == 503 and "read its data right now" in answer.text
            path.rmdir() if how == "a folder" else path.unlink()
            path.write_bytes(whole)
            eventually(lambda: somebody.get("/rooms/lobby").status == 200)
        assert "Traceback" not in server.log


def test_one_that_is_damaged_while_it_runs_is_said_once_and_not_by_tracebacks():
    with serve(forgives=FORGIVES) as server, Person(server) as alice:
        alice.sign_in("alice").say("before")
        token = alice.token()
        server.query("PRAGMA wal_checkpoint(TRUNCATE)")
        with open(server.instance / "longwave.db", "r+b") as file:
            file.seek(4096)
            file.write(b"x" * 4096 * 200)
        for _ in range(5):
            answers = [alice.get("/rooms/lobby"), alice.post("/rooms/lobby/messages", token=token, body="lost?")]
            assert {answer.status for answer in answers} == {503}
        assert "Traceback" not in server.log
