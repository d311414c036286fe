"""How fan-out is measured: streams opened, messages posted, every delivery checked; CPU and memory beside it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bench import machine
from bench.contestants import ASIDE, Contestant, Ours
from bench.figures import delays
from bench.guests import ROOM, open_room
from bench.load import Asking, Post, Readers, Report, asking, percentile_us, reading
from bench.machine import Meter
from bench.verdict import Invalid, check_readers

WARM_SECONDS = 1.0
SETTLED_PERCENT = 8  # of a core, for each worker: idle readers are sent a sign of life now and then
SETTLE_SECONDS = 60
HEARTBEAT_SECONDS = 15
ASIDE_PER_POST = 25  # so many posts to another room for each that is fanned out
ROOM_MESSAGES = 50
FRAME_BYTES = 700  # where ours was not measured in this run

Figures = dict[str, float]

_ours_bytes: list[int] = []  # of our frames, as they were measured


class Posting:
    """Messages that are being posted."""

    def __init__(self, contestant: Contestant, asked: Asking) -> None:
        self._contestant = contestant
        self._asked = asked
        self._batch = contestant.batch
        self.begin = asked.begin
        self.pid = asked.pid

    def finish(self) -> tuple[list[Post], list[Post]]:
        """Once all are acknowledged: those of the warming up, and the others."""
        warm, posts = self._asked.finish()
        self._contestant.acknowledge(self._batch, [*warm, *posts])
        if not posts:
            raise Invalid("nothing was posted in that time")
        return warm, posts

    def in_time(self, posts: Sequence[Post]) -> int:
        """How many were answered before the time was over."""
        return sum(post.answered_ns <= self._asked.ended_ns for post in posts)


@contextmanager
def posting(
    contestant: Contestant, connections: int, rate: float, warm_seconds: float, seconds: float, room: str = ROOM
) -> Iterator[Posting]:
    requests = contestant.posts(connections, room)
    with asking(contestant.address, requests, contestant.folder, rate, warm_seconds, seconds) as asked:
        yield Posting(contestant, asked)


@contextmanager
def streams(contestant: Contestant, count: int) -> Iterator[tuple[Readers, Figures]]:
    """So many open streams, with nothing left to do; what they took to be opened, and what each holds."""
    settle(contestant)
    uss_before, kernel_before = sum(map(machine.uss_bytes, contestant.pids)), machine.kernel_bytes()
    meter = Meter(contestant.pids, ())
    with reading(contestant.address, contestant.streams(count), contestant.folder) as readers:
        meter.read()
        settle(contestant)
        sockets = 2 * count * (2 if contestant.proxies else 1)  # both ends of each connection
        yield readers, {
            "opened_per_second": count / readers.opening_seconds,
            "cpu_us_per_opening": 1e6 * meter.server_cpu_seconds / count,
            "memory_bytes_per_reader": (sum(map(machine.uss_bytes, contestant.pids)) - uss_before) / count,
            "kernel_bytes_per_socket": (machine.kernel_bytes() - kernel_before) / sockets,
        }


def settle(contestant: Contestant) -> None:
    """Wait until the server has nothing left to do."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        meter = Meter([*contestant.pids, *contestant.proxies], ())
        time.sleep(1)
        if meter.read()["server_cpu_percent"] <= SETTLED_PERCENT * len(contestant.pids):
            return
    raise Invalid(f"the server still works {SETTLE_SECONDS} s after the load has ended")


def align(contestant: Contestant) -> None:
    """Post once to one reader, so that nothing is new; and let a peer's frames be as long as ours."""
    with streams(contestant, 1) as (readers, _):
        with posting(contestant, 1, 10, 0, 0.05) as posted:
            posted.begin()
            posts = posted.finish()[1]
        frame_bytes = check(contestant, readers, posts).frame_bytes
    if contestant.is_ours:
        _ours_bytes[:] = [frame_bytes]
    else:
        contestant.text_bytes += (_ours_bytes or [FRAME_BYTES])[0] - frame_bytes


def check(contestant: Contestant, readers: Readers, posts: Sequence[Post]) -> Report:
    """Wait for the last delivery. Raise Invalid unless every reader heard every message, once, in order, unaltered."""
    readers.wait_for(len(posts))
    report = readers.report([(contestant.key(post), post.sent_ns) for post in posts], contestant.folder)
    sent = contestant.sent(posts, report.texts)
    heard = list(report.texts) if contestant.is_ours else sorted(report.texts)
    check_readers([heard], report.texts, sent)
    return report


def fan_out(contestant: Contestant, count: int, rate: float, connections: int, seconds: float) -> Figures:
    """Messages to so many readers: what a delivery costs, and how long it takes."""
    align(contestant)
    seconds_of_post = cpu_of_post(contestant, connections, rate, seconds / 2) if rate else 0.0
    with streams(contestant, count) as (readers, opening):
        with posting(contestant, connections, rate, WARM_SECONDS, seconds) as posted:
            posted.begin()
            meter = Meter(contestant.pids, [posted.pid, *readers.pids])
            proxy = Meter(contestant.proxies, ())
            warm, posts = posted.finish()
            readers.wait_for(len(warm) + len(posts))
            cpu, _ = meter.read(), proxy.read()
        check(contestant, readers, [*warm, *posts])
        report = readers.report([(contestant.key(post), post.sent_ns) for post in posts], contestant.folder)
    deliveries = len(posts) * count
    spent_us = 1e6 * meter.server_cpu_seconds
    last_ns = max(post.sent_ns + 1000 * report.last_us[contestant.key(post)] for post in posts)
    figures = {
        "cpu_us_per_delivery": spent_us / deliveries,
        "cpu_us_per_delivery_without_post": (spent_us - 1e6 * seconds_of_post * len(posts)) / deliveries,
        **delays_of(report),
        **delays("post", [post.answered_ns - post.sent_ns for post in posts]),
        "deliveries_per_second": 1e9 * deliveries / (last_ns - posts[0].sent_ns),
        "posts_per_second": posted.in_time(posts) / seconds,
        "frame_bytes": report.frame_bytes,
    }
    if not rate:
        del figures["cpu_us_per_delivery_without_post"]
    if contestant.proxies:
        figures["proxy_cpu_us_per_delivery"] = 1e6 * proxy.server_cpu_seconds / deliveries
    return figures | opening | cpu


def cpu_of_post(contestant: Contestant, connections: int, rate: float, seconds: float) -> float:
    """Seconds of CPU that one post at this rate costs when nobody reads, the worker's idling included."""
    with posting(contestant, connections, rate, WARM_SECONDS, seconds) as posted:
        posted.begin()
        meter = Meter(contestant.pids, ())
        posts = posted.finish()[1]
        meter.read()
    return meter.server_cpu_seconds / len(posts)


def delays_of(report: Report) -> Figures:
    """From the begin of a POST to each reader, and to the last reader of each message."""
    last_ns = [1000 * us for us in report.last_us.values()]
    return {
        "reader_p50_ms": percentile_us(report.delays_us, 50) / 1e3,
        "reader_p99_ms": percentile_us(report.delays_us, 99) / 1e3,
        **delays("last_reader", last_ns),
    }


def posts_meanwhile(contestant: Contestant, count: int, rate: float, connections: int, seconds: float) -> Figures:
    """Posts to a room that nobody reads, while others are fanned out: how soon they are answered."""
    assert isinstance(contestant, Ours)
    align(contestant)
    open_room(contestant.address, ASIDE)
    with streams(contestant, count) as (readers, opening):
        beside = posting(contestant, 2, ASIDE_PER_POST * rate, WARM_SECONDS, seconds, ASIDE)
        with beside as posted_aside, posting(contestant, connections, rate, WARM_SECONDS, seconds) as posted:
            posted_aside.begin()
            posted.begin()
            warm, posts = posted.finish()
            posts_aside = posted_aside.finish()[1]
        check(contestant, readers, [*warm, *posts])
        report = readers.report([(post.id, post.sent_ns) for post in posts], contestant.folder)
    spans = [(post.sent_ns, post.sent_ns + 1000 * report.last_us[post.id]) for post in posts]
    during = [post for post in posts_aside if any(begin <= post.sent_ns <= end for begin, end in spans)]
    if not during:
        raise Invalid("no post fell into a fan-out; measure longer")
    answered = delays("post_meanwhile", [post.answered_ns - post.sent_ns for post in during])
    return answered | {"posts_meanwhile": len(during)} | delays_of(report) | opening


def idle(contestant: Contestant, count: int, rate: float, connections: int, seconds: float) -> Figures:
    """Readers to whom nothing is said, over whole heartbeats."""
    align(contestant)
    with streams(contestant, count) as (readers, opening):
        seconds = max(1, round(seconds / HEARTBEAT_SECONDS)) * HEARTBEAT_SECONDS
        meter = Meter(contestant.pids, readers.pids)
        time.sleep(seconds)
        cpu = meter.read()
        check(contestant, readers, [])
    return {"idle_cpu_percent": cpu["server_cpu_percent"]} | opening | cpu


def opened(contestant: Contestant, count: int, rate: float, connections: int, seconds: float) -> Figures:
    """How fast streams are opened."""
    align(contestant)
    with streams(contestant, count) as (_, opening):
        return opening


def room_page(contestant: Contestant, count: int, rate: float, connections: int, seconds: float) -> Figures:
    """The page of a room with fifty messages, for signed-in guests."""
    assert isinstance(contestant, Ours)
    with posting(contestant, 1, ROOM_MESSAGES, 0, 1) as posted:
        posted.begin()
        posted.finish()
    requests = contestant.pages(connections)
    with asking(contestant.address, requests, contestant.folder, 0, WARM_SECONDS, seconds) as asked:
        asked.begin()
        meter = Meter(contestant.pids, [asked.pid])
        warm, answers = asked.finish()
        cpu = meter.read()
    return {
        "pages_per_second": sum(answer.answered_ns <= asked.ended_ns for answer in answers) / seconds,
        **delays("page", [answer.answered_ns - answer.sent_ns for answer in answers]),
        "page_kb": asked.answered_bytes / (len(warm) + len(answers)) / 1e3,
        "cpu_us_per_page": 1e6 * meter.server_cpu_seconds / len(answers),
        **cpu,
    }


Measured = Callable[[Contestant, int, float, int, float], Figures]
