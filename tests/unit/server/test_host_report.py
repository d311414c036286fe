"""What was found of a host, kept for the command line, and what readers would cost there."""

import pytest

from chat.server import capacity, host_report
from chat.server.capacity import Budget
from chat.server.host_report import Hosting

OURS = Hosting(Budget("gunicorn", capacity.PARKED, 2, None, 9000, True), 9000, (2880.0, 4320.0), 4000, 60.0)
WAITRESS = Hosting(Budget("waitress", capacity.THREADS, 1, 4, 3), 3, (25.0, 55.0), 4000, 60.0)
PASSENGER = Hosting(Budget("Passenger", capacity.SINGLE), 0, (25.0, 55.0), 4000, 60.0)
CGI = Hosting(Budget("CGI", capacity.ONCE, None), 0, (25.0, 55.0), 15_000, 45.0, request_seconds=0.5)
GEVENT = Hosting(Budget("gunicorn", capacity.GREENLETS, 2, 1000, 900), 900, (25.0, 55.0), 4000, 60.0)
BRIEF = WAITRESS._replace(lifetime=(0.0, 0.0))
ALL = {"ours": OURS, "waitress": WAITRESS, "Passenger": PASSENGER, "CGI": CGI, "gevent": GEVENT, "brief": BRIEF,
       "unbounded": OURS._replace(readers=None)}


@pytest.mark.parametrize("name", ALL)
def test_what_is_noted_is_read_again(instance, name):
    host_report.note(instance, ALL[name])
    assert host_report.last_seen(instance) == ALL[name]


def test_before_the_first_request_nothing_is_known(instance):
    assert host_report.last_seen(instance) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"budget": {}}', '{"budget": {"server": "x"}}', "\0"])
def test_what_another_version_wrote_is_nothing(instance, text):
    (instance / host_report.FILE).write_text(text)
    assert host_report.last_seen(instance) is None
    host_report.note(instance, CGI)
    assert host_report.last_seen(instance) == CGI


def test_the_same_is_written_once(instance):
    host_report.note(instance, CGI)
    host_report.note(instance, CGI._replace(megabytes=46.0, request_seconds=0.6))
    assert host_report.last_seen(instance) == CGI
    host_report.note(instance, CGI._replace(request_seconds=0.3))
    assert host_report.last_seen(instance).request_seconds == 0.3, "the first request made the database"
    host_report.note(instance, WAITRESS)
    assert host_report.last_seen(instance) == WAITRESS
    assert [path.name for path in instance.iterdir()] == [host_report.FILE]


def test_a_full_disk_stops_nobody(instance):
    host_report.note(instance / "nowhere", CGI)


@pytest.mark.parametrize("name", ALL)
def test_every_host_can_be_told_in_words(name):
    for sentence in ALL[name].words():
        assert str(sentence).endswith(".") and "%" not in str(sentence)


def test_the_words_are_those_of_the_host():
    said = {name: " ".join(map(str, seen.words())) for name, seen in ALL.items()}
    assert "own worker" in said["ours"] and "up to 9000" in said["ours"] and "48 to 72 minutes" in said["ours"]
    assert "4 requests at once" in said["waitress"] and "Up to 3" in said["waitress"]
    assert "25 to 55 s" in said["waitress"]
    assert "one request at a time" in said["Passenger"] and "reconnect" not in said["Passenger"]
    assert "a process for each request" in said["CGI"]
    assert "after 4 s" in said["brief"]
    assert "∞" in said["unbounded"]


@pytest.mark.parametrize(("name", "held", "requests", "processes"), [
    ("ours", 50, 1, 2),  # each comes back after about an hour
    ("waitress", 3, 710, 1),  # 47 polls each 4 s, and 3 streams each 40
    ("Passenger", 0, 750, 1),
    ("CGI", 0, 200, 2),  # half a second of a core each
    ("gevent", 50, 75, 2),
    ("brief", 0, 750, 1),
])
def test_what_fifty_readers_cost(name, held, requests, processes):
    cost = host_report.cost(ALL[name], 50)
    assert (cost.held, cost.polling, cost.requests, cost.processes) == (held, 50 - held, requests, processes)
    assert cost.megabytes >= processes * ALL[name].megabytes


@pytest.mark.parametrize(("name", "requests"), [("Passenger", 10), ("brief", 750)])
def test_head_files_save_what_is_polled_but_no_stream_that_ends_at_once(name, requests):
    seen = ALL[name]._replace(has_heads=True)
    assert host_report.cost(seen, 50).requests == requests
