"""Memory of the whole idle service: master and workers, pages that they share counted once

`started` is before the first request. `idle` is after use: guests have come, read, posted and gone, so that
all that is loaded or cached on demand is there.
"""

from bench.aside import aside
from bench.guests import sign_in
from bench.posters import post
from bench.readers import read
from bench.server import Server, serve

READERS = 20
POSTERS = 20
SECONDS = 1.0
VARIANTS = {"2 workers": 2}


def measure(workers: int, seconds: float) -> dict[str, float]:
    """One round on a fresh server; how long rounds are does not matter here."""
    with serve(workers) as server:
        return measure_on(server)


def measure_on(server: Server) -> dict[str, float]:
    """The same, on a server that nobody has used yet."""
    started_bytes = server.pss_bytes()
    guests = sign_in(server.address, READERS + POSTERS, "guest")
    with aside(read, server.address, guests[:READERS], "/stream") as reading:
        reading.hear()
        with aside(post, server.address, guests[READERS:], 0.0, SECONDS) as posting:
            for _ in ("begun", "ended", "the posts"):
                posting.hear()
    server.settle()
    return {"idle_mb": server.pss_bytes() / 1e6, "started_mb": started_bytes / 1e6}
