"""Durable posts a second: 64 signed-in guests, each posting again as soon as they are answered

Every post goes the whole way: session, CSRF token, rendering, the log, a commit that is on the disk, the
rings. Nobody reads meanwhile.
"""

from collections.abc import Sequence

from bench.aside import aside
from bench.figures import delays
from bench.guests import Guest, sign_in
from bench.machine import Meter
from bench.posters import post
from bench.server import Server, serve
from bench.verdict import Invalid, check_store

CONNECTIONS = 64
WARM_SECONDS = 1.0  # each guest's first post also makes them known to the caches
VARIANTS = {"1 worker": 1, "2 workers": 2}


def measure(workers: int, seconds: float) -> dict[str, float]:
    """One round on a fresh server."""
    with serve(workers) as server:
        guests = sign_in(server.address, CONNECTIONS, "poster")
        server.settle()
        return measure_on(server, guests, seconds)


def measure_on(server: Server, guests: Sequence[Guest], seconds: float) -> dict[str, float]:
    """The same, on a server on which nobody has posted yet."""
    sockets_before = server.sockets()
    with aside(post, server.address, guests, WARM_SECONDS, seconds) as posting:
        posting.hear()
        meter = Meter(server.pids, [posting.pid])
        busiest = server.busiest(sockets_before)
        posting.hear()
        cpu = meter.read()
        warm, posts, until_ns = posting.hear()
    check_store(server.database, {posted.client_id: posted.id for posted in [*warm, *posts]})
    in_time = [posted for posted in posts if posted.answered_ns <= until_ns]
    if not in_time:
        raise Invalid(f"no post was answered within {seconds:g} s")
    return {
        "posts_per_second": len(in_time) / seconds,
        **delays("post", [posted.answered_ns - posted.sent_ns for posted in posts]),
        "server_cpu_us_per_post": 1e6 * meter.server_cpu_seconds / len(posts),
        **cpu,
        "connections_of_busiest_worker": busiest,
    }
