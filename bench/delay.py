"""From POST to reader: 100 signed-in guests on streams, presence on, 10 messages a second

A delay counts from the moment at which a message was due to be sent until a reader has it from its socket.
"""

from collections.abc import Sequence

from bench.aside import aside
from bench.figures import delays, percentile
from bench.guests import Guest, sign_in
from bench.machine import Meter
from bench.posters import Post, post
from bench.readers import Heard, read
from bench.server import Server, serve
from bench.verdict import check_readers, check_store

READERS = 100
POSTERS = 10
INTERVAL_SECONDS = 0.1
WARM_SECONDS = 1.0
VARIANTS = {"1 worker": 1, "2 workers": 2}


def measure(workers: int, seconds: float) -> dict[str, float]:
    """One round on a fresh server."""
    with serve(workers) as server:
        readers = sign_in(server.address, READERS, "reader")
        posters = sign_in(server.address, POSTERS, "poster")
        server.settle()
        return measure_on(server, readers, posters, seconds)


def measure_on(
    server: Server, readers: Sequence[Guest], posters: Sequence[Guest], seconds: float
) -> dict[str, float]:
    """The same, on a server on which nobody has posted yet."""
    sockets_before = server.sockets()
    with aside(read, server.address, readers, "/stream") as reading:
        reading.hear()
        busiest = server.busiest(sockets_before)
        server.settle()  # everybody has been told who came
        with aside(post, server.address, posters, WARM_SECONDS, seconds, INTERVAL_SECONDS) as posting:
            posting.hear()
            meter = Meter(server.pids, [posting.pid, reading.pid])
            posting.hear()
            cpu = meter.read()
            warm, posts, _ = posting.hear()
        reading.say(len(warm) + len(posts))
        heard = reading.hear()
    _check(server, [*warm, *posts], heard)
    return {
        **_delays(posts, heard),
        "message_bytes": heard.message_bytes,
        "server_cpu_us_per_delivery": 1e6 * meter.server_cpu_seconds / (len(posts) * len(readers)),
        **cpu,
        "readers_of_busiest_worker": busiest,
    }


def _check(server: Server, posts: Sequence[Post], heard: Heard) -> None:
    sent = check_store(server.database, {posted.client_id: posted.id for posted in posts})
    check_readers([[id for id, _ in one] for one in heard.by_reader], heard.texts, sent)


def _delays(posts: Sequence[Post], heard: Heard) -> dict[str, float]:
    """To each reader, and to the last reader of each message; and of the POST itself."""
    sent_ns = {posted.id: posted.sent_ns for posted in posts}
    took: dict[int, list[int]] = {id: [] for id in sent_ns}
    for one in heard.by_reader:
        for id, at_ns in one:
            if id in sent_ns:
                took[id].append(at_ns - sent_ns[id])
    return {
        **delays("reader", [one for all_of_one in took.values() for one in all_of_one]),
        "last_reader_p50_ms": percentile([max(all_of_one) for all_of_one in took.values()], 50) / 1e6,
        **delays("post", [posted.answered_ns - posted.sent_ns for posted in posts]),
    }
