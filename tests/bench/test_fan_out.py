"""The benchmark `fan-out`, small: it measures the real server and the loop, and does not count a run that is wrong."""

import http.client
import json
import sqlite3
from argparse import Namespace
from contextlib import closing, contextmanager

import pytest

from bench import __main__ as command
from bench import contestants, deliveries
from bench.contestants import CONTESTANTS, MARK
from bench.fan_out import SCENARIOS, Contest, chosen
from bench.load import Post
from bench.summary import LINES, summary
from bench.verdict import Invalid

READERS = 12


@pytest.fixture(scope="module")
def ours():
    with contestants.ours(READERS) as contestant:
        yield contestant


@contextmanager
def posted_to_all(contestant):
    """Some messages that all readers have heard."""
    with deliveries.streams(contestant, READERS) as (readers, _):
        with deliveries.posting(contestant, 1, 20, 0, 0.2) as posted:
            posted.begin()
            posts = posted.finish()[1]
        deliveries.check(contestant, readers, posts)
        yield readers, posts


def change_log(contestant, old: str, new: str) -> None:
    with closing(sqlite3.connect(contestant.server.database)) as connection, connection:
        connection.execute("UPDATE events SET data = replace(data, ?, ?) WHERE name = 'message'", (old, new))


def test_the_limit_sends_frames_as_long_as_ours(ours, monkeypatch):
    monkeypatch.setattr(deliveries, "_ours_bytes", [])
    found = [deliveries.fan_out(ours, READERS, 20, 2, 0.5)]
    with contestants.loop(READERS) as loop:
        found.append(deliveries.fan_out(loop, READERS, 20, 2, 0.5))
    assert abs(found[0]["frame_bytes"] - found[1]["frame_bytes"]) <= 6  # ids grow by digits
    for figures in found:
        assert 0 < figures["cpu_us_per_delivery"]
        assert 0 < figures["reader_p50_ms"] <= figures["reader_p99_ms"] <= figures["last_reader_max_ms"]
        assert 0 < figures["posts_per_second"] <= 20


def test_what_our_readers_heard_must_be_what_the_log_holds(ours):
    with posted_to_all(ours) as (readers, posts):
        change_log(ours, "fox", "cat")
        with pytest.raises(Invalid, match="something else"):
            deliveries.check(ours, readers, posts)
        change_log(ours, "cat", "fox")


def test_the_store_must_hold_what_was_acknowledged_and_nothing_else(ours):
    with posted_to_all(ours) as (readers, posts):
        last = ours.acknowledged.popitem()
        with pytest.raises(Invalid, match="acknowledged"):
            deliveries.check(ours, readers, posts)
        ours.acknowledged.update([last])


def test_readers_are_guests_of_their_own_who_are_present(ours):
    with deliveries.streams(ours, READERS):
        assert len({guest.cookies for guest in ours.readers}) == READERS
        connection = http.client.HTTPConnection(*ours.address)
        connection.request("GET", "/rooms/lobby/people", headers={"Cookie": ours.readers[0].cookies})
        people = json.load(connection.getresponse())
        connection.close()
    assert people["count"] == READERS


def test_a_peers_text_is_json_of_the_length_that_was_asked(tmp_path):
    peer = contestants.Contestant(("127.0.0.1", 1), [], tmp_path)
    peer.text_bytes = 321
    head, _, text = peer.posts(1)[0].partition(b"\r\n\r\n")
    assert b"Content-Length: 321" in head
    assert json.loads(text.replace(MARK.encode(), b"10000001"))["id"] == 10_000_001
    assert len(text) == 321
    assert peer.key(Post(10_000_001, 0, 0, 0)) == 10_000_001


def test_who_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr("bench.fan_out.left_out", lambda: {"nchan": "type something"})
    def contests(only: str, against: list[str], readers: int):
        return chosen(Namespace(only=[only], against=against, readers=readers))[only].variants

    assert set(contests("10000", [], 0)) == {"ours", "loop"}
    assert set(contests("1000", ["loop"], 7)) == {"ours", "loop"}
    assert {contest.readers for contest in contests("1000", [], 7).values()} == {7}


def test_a_peer_that_fails_loses_its_column_and_ours_the_run(monkeypatch):
    def fails(readers: int):
        raise Invalid("it lost a message")

    def measured_by(who: str):
        part = command.Part("it", "It", {"loop": "loop", who: who}, lambda who, seconds: measure(who), 2)
        return command.measure(part, 1)["variants"]

    def measure(who: str) -> dict[str, float]:
        return {"figure": 1} if who == "loop" else SCENARIOS["1000"].measure(Contest(who, 1), 1)

    for who in ("ours", "nchan"):
        monkeypatch.setitem(CONTESTANTS, who, fails)
    assert set(measured_by("nchan")) == {"loop"}
    with pytest.raises(Invalid, match="lost a message"):
        measured_by("ours")


def test_the_summary_sets_ours_beside_the_others():
    def column(value: float) -> dict[str, dict[str, float]]:
        return {"cpu_us_per_delivery": {"median": value}}

    found = {"fan-out 1000": {"variants": {"ours": column(9), "loop": column(6), "better-sse": column(20)}}}
    assert summary(found).splitlines()[2:] == [
        "| CPU a delivery, 1,000 readers, 10 messages a second | 9.00 µs | 6.00 µs |  | 1.50 |  |"
    ]
    assert summary({"posting": {"variants": {}}}) == ""


def test_every_line_of_the_summary_asks_for_a_column_that_there_is():
    for line in LINES:
        assert line.ours in SCENARIOS[line.scenario].variants
