"""The board of metrics: each process counts on a sheet of its own, and all sheets together are the answer."""

import math
import os
import stat
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chat.runtime import metrics
from chat.runtime.metrics import Board, Histogram

TAKES_A_SHEET_AND_DIES = """
import os, pathlib, sys
from tests.unit.runtime.test_metrics import figures
from chat.runtime.metrics import Board
Board(pathlib.Path(sys.argv[1])).note(figures(events=5, readers={"stream": 3, "poll": 0}))
os._exit(1)
"""


def figures(**known):
    """A process that has counted nothing but what is named."""
    nothing = {metric.name: untouched(metric) for metric in metrics.METRICS}
    return nothing | known


def untouched(metric):
    if metric.bounds:
        return Histogram(metric.bounds)
    return dict.fromkeys(metric.values, 0) if metric.label else 0


@pytest.fixture
def board(instance):
    """Makes boards on one folder, as several processes have them."""
    made = []

    def another(**options):
        made.append(Board(instance / "metrics", **options))
        return made[-1]

    yield another
    for each in made:
        each.close()


def samples_of(board):
    """Each sample of the text by its name and labels, as Prometheus would take it."""
    text = metrics.as_text(board.sheets()).decode()
    families = list(text_string_to_metric_families(text))
    return {(sample.name, *sorted(sample.labels.items())): sample.value
            for family in families for sample in family.samples}


def value(board, name, **labels):
    return samples_of(board).get((name, *sorted(labels.items())))


def test_one_process_reports_the_metrics_of_all(board):
    one, other = board(), board()
    one.note(figures(events=2, readers={"stream": 3, "poll": 1}))
    other.note(figures(events=5))
    for asked in (one, other):
        assert value(asked, "longwave_events_total", worker="1") == 2
        assert value(asked, "longwave_events_total", worker="2") == 5
        assert value(asked, "longwave_readers", worker="1", transport="stream") == 3
        assert value(asked, "longwave_readers", worker="1", transport="poll") == 1
        assert value(asked, "longwave_worker_pid", worker="2") == os.getpid()


def test_what_ended_is_still_counted_and_no_longer_there(board):
    one, other = board(), board()
    one.note(figures(events=2, readers={"stream": 3, "poll": 1}))
    other.note(figures())
    one.close()
    assert value(other, "longwave_events_total", worker="1") == 2
    assert value(other, "longwave_readers", worker="1", transport="stream") is None


def test_the_next_process_counts_on(board):
    one = board()
    seconds = Histogram(metrics.COMMIT_SECONDS)
    seconds.observe(0.002)
    one.note(figures(events=2, readers={"stream": 3, "poll": 1}, commit_seconds=seconds))
    one.close()
    after = board()
    after.note(figures(events=1, commit_seconds=seconds))
    assert value(after, "longwave_events_total", worker="1") == 3
    assert value(after, "longwave_commit_seconds_count", worker="1") == 2
    assert value(after, "longwave_readers", worker="1", transport="stream") == 0, "it has none of the other's readers"
    after.note(figures(events=4, commit_seconds=seconds))
    assert value(after, "longwave_events_total", worker="1") == 6, "what was before is added once"


def test_a_process_that_was_killed_leaves_its_sheet(board, instance):
    command = [sys.executable, "-c", TAKES_A_SHEET_AND_DIES, str(instance / "metrics")]
    (instance / "metrics").mkdir()
    for _ in range(2):
        assert subprocess.run(command).returncode == 1
    assert value(board(), "longwave_events_total", worker="1") == 10
    assert value(board(), "longwave_readers", worker="1", transport="stream") is None
    assert os.listdir(instance / "metrics") == ["1"], "one after the other, on one sheet"


def test_reading_the_metrics_takes_no_sheet(board, instance):
    looking = board()
    assert looking.sheets() == []
    assert not (instance / "metrics").exists()


def test_a_histogram_counts_by_bounds(board):
    one = board()
    changes = Histogram(metrics.COMMIT_CHANGES)
    for number in (1, 2, 2, 3, 1000):
        changes.observe(number)
    one.note(figures(commit_changes=changes))
    bounds = "1.0", "2.0", "4.0", "256.0", "+Inf"
    found = {bound: value(one, "longwave_commit_changes_bucket", worker="1", le=bound) for bound in bounds}
    assert found == {"1.0": 1, "2.0": 3, "4.0": 4, "256.0": 4, "+Inf": 5}
    assert value(one, "longwave_commit_changes_sum", worker="1") == 1008
    assert value(one, "longwave_commit_changes_count", worker="1") == 5


def test_a_process_that_hangs_is_seen_by_its_silence(board):
    now = 100.0
    one, other = board(clock=lambda: now), board(clock=lambda: now)
    one.note(figures())
    now = 107.5
    other.note(figures())
    assert value(other, "longwave_worker_silent_seconds", worker="1") == 7.5
    assert value(other, "longwave_worker_silent_seconds", worker="2") == 0


def test_no_limit_is_infinity(board):
    one = board()
    one.note(figures(readers_limit=math.inf))
    assert value(one, "longwave_readers_limit", worker="1") == math.inf


def test_what_another_version_wrote_is_passed_over(board, instance, monkeypatch):
    one = board()
    monkeypatch.setattr(metrics, "LAYOUT", 1.0)
    one.note(figures(events=7))
    monkeypatch.undo()
    (instance / "metrics" / "2").write_bytes(b"cut sho")
    (instance / "metrics" / "notes").write_text("somebody's own file")
    assert board().sheets() == []
    one.close()
    next_one = board()
    next_one.note(figures(events=1))
    assert value(next_one, "longwave_events_total", worker="1") == 1


def test_a_full_disk_stops_nobody(board, instance):
    (instance / "metrics").touch()  # no folder
    one = board()
    one.note(figures())
    (instance / "metrics").unlink()
    one.note(figures(events=3))
    assert value(one, "longwave_events_total", worker="1") == 3


def test_nobody_else_can_read_it(board, instance):
    board().note(figures())
    assert stat.S_IMODE((instance / "metrics").stat().st_mode) == 0o700
    assert stat.S_IMODE((instance / "metrics" / "1").stat().st_mode) == 0o600
