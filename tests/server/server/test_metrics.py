"""`/metrics`: whichever worker is asked, the answer covers all, and is right; and it is not for everybody."""

import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chat.runtime.metrics import METRICS
from tests.conftest import free_room_names
from tests.server.server.test_ways import WAITRESS
from tests.support.clients import Person
from tests.support.serving import eventually, serve
from tests.support.watching import figures, pids, summed, total, unchanged

TOKEN = "sesame-open-thyself"
READERS, POSTS = 5, 4


@pytest.fixture(scope="module")
def watched():
    """Two workers, and a proxy on this machine that may say where people come from."""
    with serve(metrics_token=TOKEN, trusted_proxies="127.0.0.1", heartbeat_seconds=55) as server:
        yield server


@pytest.fixture
def alice(watched, people):
    return people(watched, "alice", worker=watched.workers[0])


# What it says

def test_every_metric_is_there_for_every_worker(watched):
    eventually(lambda: pids(watched) == set(watched.workers))
    for worker in watched.workers:
        with Person(watched, worker) as prometheus:
            families = {family.name: family
                        for family in text_string_to_metric_families(prometheus.get("/metrics").text)}
        assert set(families) == {metric.full_name.removesuffix("_total") for metric in METRICS}
        for metric in METRICS:
            family = families[metric.full_name.removesuffix("_total")]
            assert (family.type, family.documentation) == (metric.kind, metric.help)
            assert len({sample.labels["worker"] for sample in family.samples}) == len(watched.workers)


def test_readers_are_counted_by_transport_and_worker(watched, people):
    one, other = watched.workers
    before = total(watched, "longwave_readers", transport="stream")
    streams = [people(watched, worker=worker).listen("room=lobby") for worker in (one, one, other)]
    cursor = people(watched).cursor()
    held = people(watched, worker=other).ask(f"/poll?room=lobby&since={cursor}&wait=25")
    for asked in watched.workers:
        eventually(lambda asked=asked: total(watched, "longwave_readers", asked, transport="stream") == before + 3)
        eventually(lambda asked=asked: total(watched, "longwave_readers", asked, transport="poll") == 1)
    found = figures(watched)
    number = next(labels[0][1] for (name, *labels), value in found.items()
                  if name == "longwave_worker_pid" and value == other)
    assert found["longwave_readers", ("transport", "poll"), ("worker", number)] == 1, "at the one where it is held"
    for each in (*streams, held):
        each.close()
    eventually(lambda: total(watched, "longwave_readers", transport="stream") == before)
    eventually(lambda: total(watched, "longwave_readers", transport="poll") == 0)


def test_a_post_to_readers_is_so_many_deliveries(watched, people, alice, garden_of):
    """Half of them at each worker; what is asked, and when, changes nothing."""
    garden = garden_of(alice)
    at = [watched.workers[number % 2] for number in range(READERS)]
    streams = [people(watched, worker=worker).listen(f"room={garden}") for worker in at]
    alice.say("before", room=garden)
    for stream in streams:
        stream.expect_message("before")
    steady = eventually(lambda: unchanged(watched, "longwave_deliveries_total", kind="event"))
    added, sent = (total(watched, f"longwave_{name}_total") for name in ("events", "sent_bytes"))
    size = sum(len(stream.raw) for stream in streams)
    for number in range(POSTS):
        alice.say(f"number {number}", room=garden)
    for stream in streams:
        stream.expect_message(f"number {POSTS - 1}")
    given = sum(len(stream.raw) for stream in streams) - size
    for worker in watched.workers:
        eventually(lambda worker=worker: total(watched, "longwave_deliveries_total", worker, kind="event")
                   == steady + READERS * POSTS)
        assert total(watched, "longwave_events_total", worker) == added + POSTS
        eventually(lambda worker=worker: total(watched, "longwave_sent_bytes_total", worker) == sent + given)


@pytest.fixture
def garden_of(watched):
    """Opens a room in which nobody else is."""
    free_room_names(watched)
    return lambda person: person.post("/rooms", name="Garden").json["slug"]


def test_commits_are_timed_and_counted(watched, alice):
    before = total(watched, "longwave_commit_seconds_count")
    for number in range(3):
        alice.say(f"number {number}")
    eventually(lambda: total(watched, "longwave_commit_seconds_count") >= before + 3)
    found = figures(watched)
    for name in ("commit_seconds", "commit_changes", "loop_lag_seconds"):
        count = summed(found, f"longwave_{name}_count")
        assert count > 0 and count == summed(found, f"longwave_{name}_bucket", le="+Inf")
        assert summed(found, f"longwave_{name}_sum") > 0


def test_how_far_each_has_read_and_what_it_keeps_at_hand(watched, alice):
    newest = alice.say("the newest")["id"]
    for number in {dict(labels)["worker"] for _, *labels in figures(watched)}:
        eventually(lambda number=number: figures(watched)["longwave_last_event_id", ("worker", number)] >= newest)
        assert figures(watched)["longwave_ring_events", ("worker", number)] > 0
        assert figures(watched)["longwave_worker_silent_seconds", ("worker", number)] < 20


def test_a_worker_that_is_killed_takes_nothing_with_it(people):
    """Its counters stay, its readers go; the one in its place counts on."""
    with serve(heartbeat_seconds=55, forgives="SIGKILL") as server:
        one, other = server.workers
        with Person(server, one) as alice, Person(server, other) as bob:
            stream = alice.sign_in("alice").listen("room=lobby")
            watching = bob.listen("room=lobby")
            alice.say("heard by both")
            watching.expect_message("heard by both")
            stream.expect_message("heard by both")
            eventually(lambda: total(server, "longwave_readers", other, transport="stream") == 2)
            counters = ("longwave_deliveries_total", "longwave_sent_bytes_total", "longwave_events_total",
                        "longwave_commit_seconds_count")
            eventually(lambda: all(unchanged(server, name) for name in counters))
            before = {name: total(server, name, other) for name in counters}
            server.kill_worker(one)
            eventually(lambda: pids(server) == set(server.workers))
            assert one not in pids(server)
            for name in counters:
                assert total(server, name) >= before[name] > 0, f"{name} fell"
            eventually(lambda: total(server, "longwave_readers", other, transport="stream") == 1)


def test_over_the_budget_it_is_counted_who_was_refused(people):
    with serve(workers=1, streams=1) as server:
        assert total(server, "longwave_readers_limit") == 1
        with Person(server) as alice, Person(server) as bob:
            alice.listen("room=lobby")
            bob.listen("room=lobby").expect("mode")
            assert total(server, "longwave_streams_refused_total") == 1


def test_it_needs_no_gevent():
    with serve(workers=1, command=(sys.executable, "-c", WAITRESS), streams=4) as server, Person(server) as alice:
        alice.sign_in("alice").say("here now")
        stream = alice.listen("room=lobby")
        eventually(lambda: total(server, "longwave_readers", transport="stream") == 1)
        before, sent = total(server, "longwave_deliveries_total", kind="event"), len(stream.raw)
        alice.say("by threads")
        stream.expect_message("by threads")
        eventually(lambda: total(server, "longwave_deliveries_total", kind="event") == before + 1)
        eventually(lambda: total(server, "longwave_sent_bytes_total") >= len(stream.raw) > sent)


# Who may see it

def test_a_program_of_this_machine_sees_it(watched, people):
    answer = people(watched).get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("header", ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: ",
                                    "X-Forwarded-Proto: https", "X-Forwarded-Host: localhost", "X-Real-IP: 127.0.0.1",
                                    "Forwarded: for=127.0.0.1", "Via: 1.1 proxy"])
@pytest.mark.parametrize("is_trusted", [True, False], ids=["trusted proxy", "anybody"])
def test_what_a_proxy_passes_on_is_not_from_this_machine(watched, people, header, is_trusted, shared):
    name, _, text = header.partition(": ")
    answer = people(watched if is_trusted else shared).get("/metrics", Accept="application/json", **{name: text})
    assert (answer.status, answer.code) == (404, "not_found")


def test_the_token_opens_it_from_anywhere(watched, people):
    far_away = people(watched, X_Forwarded_For="203.0.113.9")
    assert far_away.get("/metrics", Authorization=f"Bearer {TOKEN}").status == 200
    assert far_away.get("/metrics").status == 404


@pytest.mark.parametrize("wrong", ["", " ", "sesame", f"{TOKEN}x", TOKEN.upper(), "schlüssel-sind-keine"])
def test_a_wrong_token_is_refused_also_from_this_machine(watched, people, wrong):
    answer = people(watched).get("/metrics", Authorization=f"Bearer {wrong}".encode().decode("latin-1"))
    assert (answer.status, answer.code) == (401, "sign_in")


def test_without_a_setting_no_token_is_right_nor_a_bot_s_key(chat, people, hals_key):
    for key in ("", "anything", hals_key):
        assert people(chat).get("/metrics", Authorization=f"Bearer {key}").status == 401


def test_the_token_is_no_bot_s_key(watched, people):
    assert people(watched).get("/rooms/lobby/messages", Authorization=f"Bearer {TOKEN}").status == 401


def test_head_says_the_same_without_a_body(watched, people):
    answer = people(watched).request("HEAD", "/metrics")
    assert (answer.status, answer.body) == (200, b"")
    assert people(watched).request("HEAD", "/metrics", X_Forwarded_For="203.0.113.9").status == 404
    assert people(watched, "bob").post("/metrics").status == 405


def test_a_private_chat_shows_it_all_the_same(people):
    with serve(workers=1, public="off", entry_word="sesame", metrics_token=TOKEN) as server:
        assert people(server).get("/metrics").status == 200
        answer = people(server).get("/metrics", Authorization=f"Bearer {TOKEN}", X_Forwarded_For="203.0.113.9")
        assert answer.status == 200
        assert TOKEN not in server.log
