"""Metrics: the table of them, and the board to which each process writes its own figures.

A board is a folder with one small numbered file per process. A process takes a file by locking it, so a file belongs to
a living process as long as it is locked. A process that takes the file of one that has ended continues its counters:
they never fall, and there are only as many files as there were processes at once. Nothing here is done per event or
reader: once a second a process writes what its parts have counted.
"""

import fcntl
import hashlib
import math
import os
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

PREFIX = "longwave_"
TEXT = "text/plain; version=0.0.4; charset=utf-8"  # what every version of the library writes, given such names
PROCESSES_MAX = 1024  # more at once keep their figures to themselves


class Metric(NamedTuple):
    """A row of the table. `label` is the one beside `worker`, if any, and `values` all its values; `bounds` is for
    histograms.
    """

    name: str
    kind: str
    help: str
    label: str = ""
    values: Sequence[str] = ("",)
    bounds: Sequence[float] = ()

    @property
    def cells(self) -> int:
        """How many numbers it takes: a histogram's are one per bound, one for what is above all, and the sum."""
        return len(self.bounds) + 2 if self.kind == "histogram" else len(self.values)

    @property
    def full_name(self) -> str:
        """Its name in Prometheus, which adds `_total` to a counter's."""
        return PREFIX + self.name + ("_total" if self.kind == "counter" else "")


COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
COMMIT_CHANGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

METRICS = (
    Metric("worker_pid", "gauge", "The worker's process id, as in its log lines and in `ps`."),
    Metric("worker_silent_seconds", "gauge", "How long ago the worker saved its figures: more than 2 means it hangs."),
    Metric("readers", "gauge", "Readers that are held open.", "transport", ("stream", "poll")),
    Metric("readers_limit", "gauge", "How many readers the worker holds open before others must poll."),
    Metric("readers_behind", "gauge", "Readers that have not yet taken what is waiting for them."),
    Metric("streams_refused", "counter", "Streams that were told to poll because there was no room."),
    Metric("events", "counter", "Events that the worker has added to the log."),
    Metric("deliveries", "counter", "Events, times the readers that waited for each here; `passing` counts those that "
           "are not in the log: presence and typing.", "kind", ("event", "passing")),
    Metric("sent_bytes", "counter", "Bytes of streams given to the kernel, or to a server that sends them."),
    Metric("unsent_bytes", "gauge", "Bytes of answers that readers have not taken yet."),
    Metric("cut_off", "counter", "Readers that were cut off because they took too little, or had too much on its way."),
    Metric("ring_events", "gauge", "Events that the worker keeps in memory."),
    Metric("last_event_id", "gauge", "How far the worker has read the log: the same in all workers, but for moments."),
    Metric("rings_lost", "counter", "Rings and news lost because the queue to another process was full."),
    Metric("commit_seconds", "histogram", "How long a commit took, including the wait for others.",
           bounds=COMMIT_SECONDS),
    Metric("commit_changes", "histogram", "How many changes shared a commit.", bounds=COMMIT_CHANGES),
    Metric("loop_lag_seconds", "histogram", "How late the worker's ticker was: how long something kept it from "
           "answering.", bounds=LAG_SECONDS),
)
BY_NAME = {metric.name: metric for metric in METRICS}
CELLS = sum(metric.cells for metric in METRICS)
# Identifies the table, so that files of another version are ignored. Part of a hash, small enough for a float.
LAYOUT = float(int(hashlib.sha256(repr([(m.name, m.cells) for m in METRICS]).encode()).hexdigest()[:12], 16))


class Histogram:
    """Counts numbers by the lowest bound that they do not exceed. Only one thread may add to it."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.cells = [0.0] * (len(bounds) + 2)

    def observe(self, value: float) -> None:
        """Count this number, and add it to the sum."""
        self.cells[bisect_left(self._bounds, value)] += 1
        self.cells[-1] += value


Figure = float | Histogram | Mapping[str, float]
Figures = Mapping[str, Figure]


class Sheet(NamedTuple):
    """What one process has noted: its numbers by metric, and whether the process is alive."""

    worker: str
    is_alive: bool
    cells: Mapping[str, Sequence[float]]


class Board:
    """The figures of all processes of one chat. `note` and `sheets` never wait, and ignore errors of the disk."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._file: int | None = None
        self._worker = ""
        self._earlier: dict[str, Sequence[float]] = {}

    def note(self, figures: Figures) -> None:
        """Write down what this process has counted since its start, and its gauges."""
        all_figures = {**figures, "worker_pid": os.getpid(), "worker_silent_seconds": self._clock()}
        with self._lock, suppress(OSError):  # what is not written now is written in a second
            if self._file is None:
                self._take()
            cells = array("d", [LAYOUT])
            for metric in METRICS:
                cells.extend(self._counted_on(metric, _cells_of(metric, all_figures[metric.name])))
            if self._file is not None:
                os.pwrite(self._file, cells.tobytes(), 0)

    def sheets(self) -> list[Sheet]:
        """What all processes have noted, including those that have ended, whose counters still count."""
        with suppress(FileNotFoundError):
            numbers = sorted(int(name) for name in os.listdir(self._folder) if name.isdigit())
            return [sheet for number in numbers for sheet in self._sheet(str(number))]
        return []

    def close(self) -> None:
        """Leave the file to the next process."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self) -> None:
        """Take the first file that no process has, and what was counted in it."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for number in range(1, PROCESSES_MAX + 1):
            file = os.open(self._folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _is_locked(file, fcntl.LOCK_EX):
                self._file, self._worker = file, str(number)
                self._earlier = _read(file) or {}
                return
            os.close(file)

    def _counted_on(self, metric: Metric, cells: Sequence[float]) -> Iterable[float]:
        if metric.kind == "gauge" or metric.name not in self._earlier:
            return cells
        return map(sum, zip(self._earlier[metric.name], cells, strict=True))

    def _sheet(self, worker: str) -> Iterator[Sheet]:
        with suppress(OSError):
            file = os.open(self._folder / worker, os.O_RDONLY | os.O_CLOEXEC)
            try:
                # A shared lock, so that of two who look at once neither takes the other for the process itself.
                is_alive = worker == self._worker or not _is_locked(file, fcntl.LOCK_SH)
                cells = _read(file)
            finally:
                os.close(file)
            if cells is not None:
                noted_at = cells["worker_silent_seconds"][0]
                cells["worker_silent_seconds"] = [max(0.0, self._clock() - noted_at)]
                yield Sheet(worker, is_alive, cells)


def _is_locked(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: int) -> dict[str, Sequence[float]] | None:
    """The numbers of each metric, or None where this version has written none."""
    text = os.pread(file, (1 + CELLS) * 8, 0)
    cells = array("d", text[: len(text) // 8 * 8])
    if len(cells) != 1 + CELLS or cells[0] != LAYOUT:
        return None
    found: dict[str, Sequence[float]] = {}
    start = 1
    for metric in METRICS:
        found[metric.name] = cells[start : start + metric.cells]
        start += metric.cells
    return found


def _cells_of(metric: Metric, figure: Figure) -> Sequence[float]:
    if isinstance(figure, Histogram):
        return figure.cells
    if isinstance(figure, Mapping):
        return [figure[value] for value in metric.values]
    return [figure]


# As text


def as_text(sheets: Sequence[Sheet]) -> bytes:
    """All figures in Prometheus' text format; gauges of living processes only."""
    # Imported late, because few processes are asked, and one that serves a single request would pay for it each time.
    import prometheus_client

    class All:
        def collect(self) -> Iterator[Any]:
            return (_family(metric, sheets) for metric in METRICS)

    registry = prometheus_client.CollectorRegistry()
    registry.register(All())
    return prometheus_client.generate_latest(registry)


def _family(metric: Metric, sheets: Sequence[Sheet]) -> Any:
    from prometheus_client import core

    kinds = {"counter": core.CounterMetricFamily, "gauge": core.GaugeMetricFamily,
             "histogram": core.HistogramMetricFamily}
    labels = ["worker", *([metric.label] if metric.label else [])]
    family = kinds[metric.kind](PREFIX + metric.name, metric.help, labels=labels)
    for sheet in sheets:
        cells = sheet.cells[metric.name]
        if metric.kind == "histogram":
            family.add_metric([sheet.worker], *_buckets(metric, cells))
        elif sheet.is_alive or metric.kind == "counter":
            for value, cell in zip(metric.values, cells, strict=True):
                family.add_metric([sheet.worker, *([value] if metric.label else [])], cell)
    return family


def _buckets(metric: Metric, cells: Sequence[float]) -> tuple[list[tuple[str, float]], float]:
    """Each bound with how many did not exceed it, as the format has it, and the sum of all."""
    buckets, so_far = [], 0.0
    for bound, cell in zip([*metric.bounds, math.inf], cells, strict=False):
        so_far += cell
        buckets.append((repr(float(bound)) if bound < math.inf else "+Inf", so_far))
    return buckets, cells[-1]
