"""Other programs put messages in: the `longwave` command, and rows in the table `inbox`."""

import subprocess

import pytest

from chat.core import times
from tests.support.serving import LONGWAVE, TOP, environment, eventually, serve

INSERT = "INSERT INTO inbox(room, author, body) VALUES (?, ?, ?)"


@pytest.fixture(scope="module")
def hearing(kind_of_database):
    """A server that looks at its inbox ten times a second."""
    with serve(look_seconds=0.1) as server:
        yield server


@pytest.fixture
def streams(hearing, people):
    """One at each worker."""
    return [people(hearing, worker=worker).listen("room=lobby") for worker in hearing.workers]


def test_the_command_posts_and_everybody_sees_it_by_its_ring(chat, people):
    streams = [people(chat, worker=worker).listen("room=lobby") for worker in chat.workers]
    result = chat.command("post", "lobby", "The backup is done.\n<script>alert(1)</script>", "--as", "cron")
    assert result.returncode == 0, result.stderr
    for stream in streams:
        message = stream.expect("message").data
        assert message["author"]["name"] == "cron" and message["author"]["kind"] == "bot"
        assert message["body"] == "The backup is done.\n<script>alert(1)</script>"
        assert "<script" not in message["html"]
    assert str(message["id"]) in result.stdout


def test_the_command_reads_from_a_pipe(chat, bob):
    stream = bob.listen("room=lobby")
    assert chat.command("post", "lobby", "-", "--as", "cron", stdin="from a pipe\n").returncode == 0
    stream.expect_message("from a pipe")


@pytest.mark.parametrize("arguments", [
    ("nowhere", "hi", "--as", "cron"), ("lobby", "", "--as", "cron"), ("lobby", "x" * 4001, "--as", "cron"),
    ("lobby", "hi", "--as", ""), ("lobby", "hi", "--as", "alice")])
def test_what_cannot_be_posted_is_one_sentence_and_a_failure(chat, alice, arguments):
    before = chat.query("SELECT count(*) FROM messages")
    result = chat.command("post", *arguments)
    assert result.returncode != 0
    assert result.stdout == "" and len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert chat.query("SELECT count(*) FROM messages") == before


def test_a_row_in_the_inbox_is_on_every_stream(hearing, streams):
    hearing.query(INSERT, "lobby", "weather", "Rain from 4 pm <b>on</b>")
    for stream in streams:
        message = stream.expect("message").data
        assert message["body"] == "Rain from 4 pm <b>on</b>" and "<b>on" not in message["html"]
        assert message["author"]["name"] == "weather" and message["author"]["kind"] == "bot"
    eventually(lambda: hearing.query("SELECT count(*) FROM inbox") == [(0,)])


def test_any_program_may_insert(kind_of_database, hearing, streams):
    sql = "INSERT INTO inbox(room, author, body) VALUES ('lobby', 'shell', 'it''s done')"
    other = {"sqlite": ["sqlite3", "-cmd", ".timeout 5000", hearing.instance / "longwave.db", sql],
             "postgresql": ["psql", "--quiet", "--command", sql, hearing.database_url]}
    subprocess.run(other[kind_of_database], check=True)
    for stream in streams:
        stream.expect_message("it's done")


def test_rows_come_in_their_order(hearing, streams):
    hearing.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)"
                  " INSERT INTO inbox(room, author, body) SELECT 'lobby', 'counter', 'number ' || i FROM n")
    for stream in streams:
        stream.expect_message("number 250")
        assert stream.bodies == [f"number {number}" for number in range(1, 251)]


def test_a_client_id_makes_a_repeated_row_harmless(hearing, streams):
    for body in ("once", "twice"):
        hearing.query("INSERT INTO inbox(room, author, body, client_id) VALUES ('lobby', 'cron', ?, 'job-7')", body)
    hearing.query(INSERT, "lobby", "cron", "marker")
    for stream in streams:
        stream.expect_message("marker")
        assert stream.bodies == ["once", "marker"]


REFUSED = [
    ("nowhere", "cron", "hi"), ("../lobby", "cron", "hi"), ("", "cron", "hi"),
    ("lobby", "alice", "a person's name"), ("lobby", "", "hi"), ("lobby", "a\u202eb", "hi"),
    ("lobby", "cron", ""), ("lobby", "cron", "x" * 4001)]
# What is no text, which only SQLite takes.
NO_TEXT = [
    (b"\xff", "cron", "hi"), ("lobby", b"\xff\xfe", "hi"), ("lobby", "cron", "a\0b"), ("lobby", "cron", b"caf\xe9"),
    ("lobby", "cron", b"\x80" * 5000)]


def test_a_row_that_cannot_be_posted_stays_with_its_reason(kind_of_database, hearing, streams, people):
    people(hearing, "alice")
    takes_all = kind_of_database == "sqlite"
    refused = REFUSED + NO_TEXT if takes_all else REFUSED
    for row in refused:
        hearing.query(INSERT, *row)
    if takes_all:
        hearing.query("INSERT INTO inbox(room, author, body) VALUES ('lobby', 'cron', CAST(x'636166e9' AS TEXT))")
    hearing.query(INSERT, "lobby", "cron", 42 if takes_all else "42")
    hearing.query(INSERT, "lobby", "cron", "the next one")
    for stream in streams:
        stream.expect_message("the next one")
        assert stream.bodies == ["42", "the next one"], "a number is its digits, and nobody is held up"
    kept = hearing.query("SELECT id, reason FROM inbox")
    assert len(kept) == len(refused) + takes_all
    result = hearing.command("check")
    assert result.returncode != 0
    for row_id, reason in kept:
        assert reason.endswith(".")
        assert f"Row {row_id} of the inbox wasn't posted: {reason}" in result.stdout
    hearing.query("DELETE FROM inbox")
    assert hearing.command("check").returncode == 0


def test_a_row_put_right_is_posted(hearing, streams):
    hearing.query(INSERT, "lobbby", "cron", "typo in the room")
    eventually(lambda: hearing.query("SELECT 1 FROM inbox WHERE reason IS NOT NULL"))
    hearing.query("UPDATE inbox SET room = 'lobby', reason = NULL")
    streams[0].expect_message("typo in the room")


def test_without_a_ring_the_look_brings_it(hearing, streams):
    """An event that came without a word: the log is the truth, a ring is a hint."""
    hearing.append("SELECT 'room:' || id, 'message', '{\"body\":\"hm\"}', ? FROM rooms WHERE slug = 'lobby'",
                   times.now())
    for stream in streams:
        stream.expect_message("hm")


def test_the_command_opens_lists_and_removes_rooms(chat, bob):
    assert chat.command("room", "add", "Engine room", "--topic", "Hot").stdout.strip() == "created /rooms/engine-room"
    listed = [line.split("\t") for line in chat.command("room", "list").stdout.splitlines()]
    assert [line for line in listed if line[0] == "engine-room" and {"Engine room", "Hot"} <= set(line)]
    assert bob.get("/rooms/engine-room").status == 200
    assert chat.command("room", "remove", "engine-room", "--yes").returncode == 0
    assert bob.get("/rooms/engine-room").status == 404
    assert "engine-room" not in chat.command("room", "list").stdout


def test_the_command_without_a_chat_says_what_to_type(tmp_path):
    result = subprocess.run([*LONGWAVE, "post", "lobby", "hi", "--as", "cron"], cwd=TOP, capture_output=True, text=True,
                            env=environment(tmp_path / "none", {}))
    assert result.returncode != 0
    assert "longwave upgrade" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "none").exists()
