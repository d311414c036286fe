"""Apache with Passenger and 6 processes, by the page's own scripts: `python -m bench.passenger`, 7 minutes.

30 browsers chat, without head files and with them; then 100 read and nobody says anything. `--write` puts the figures
into docs/hosts.md, and with the name of a part only that part is measured. Nothing else may run.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator

from bench.figures import percentile
from bench.hosts import DOCUMENT, in_time, row, write
from tests.browser.obstacles import obstacles_before
from tests.hosts.cloudlinux import stay
from tests.hosts.crowd import a_crowd
from tests.hosts.kinds import a_host
from tests.hosts.stage import system_python

KIND = "Apache, Passenger"
HEAD = ("figure", "measured", "at most")
READERS = 30
CHAT_SECONDS = 60.0
PAUSE_SECONDS = 10.0  # between two messages of one reader: three a second
POST_SECONDS = 1.0
INTERVAL_SECONDS = 4.0
IDLE_READERS = 100
SETTLE_SECONDS = 30.0
IDLE_SECONDS = 120.0
SELDOM_SECONDS = 300.0
REQUESTS_A_SECOND = 0.4

Figure = tuple[str, str, str, bool]  # what, measured, at most, and whether it is within


def polls() -> Iterator[Figure]:
    yield from chat("polls", has_heads=False)


def heads() -> Iterator[Figure]:
    yield from chat("head files", has_heads=True)


def chat(way: str, has_heads: bool) -> Iterator[Figure]:
    with a_host(KIND, system_python(), has_heads) as host:
        came_to = stay(host, CHAT_SECONDS, READERS, PAUSE_SECONDS)
    assert came_to.verdict.is_clean, came_to.verdict.examples
    posts, delays = came_to.crowd.post_seconds, came_to.crowd.delays
    slow, late = percentile(posts, 99), percentile(delays, 50)
    yield f"{READERS} readers, {way}: POST answered, p50", in_time(percentile(posts, 50)), "–", True
    yield f"{READERS} readers, {way}: POST answered, p99", in_time(slow), in_time(POST_SECONDS), slow <= POST_SECONDS
    most = INTERVAL_SECONDS / 2 + 0.5
    yield f"{READERS} readers, {way}: message to reader, p50", in_time(late), in_time(most), late <= most


def idle() -> Iterator[Figure]:
    """In a crowd that has been there for long, the next question of each is at another moment."""
    with (a_host(KIND, system_python()) as host, obstacles_before(host.host, host.port) as way,
          a_crowd(host.at(way.port)) as crowd):
        dice = random.Random(7)
        for number in range(IDLE_READERS):
            crowd.enter(f"reader {number}")
        time.sleep(SETTLE_SECONDS)
        for number in range(IDLE_READERS):
            crowd.skip(number, dice.uniform(0, SELDOM_SECONDS))
        time.sleep(SETTLE_SECONDS)
        began = len(way.met)
        time.sleep(IDLE_SECONDS)
        asked = [target for _, target in way.met[began:]]
        crowd.take()
    to_app = sum(not target.startswith("/heads/") for target in asked) / IDLE_SECONDS
    looks = len(asked) / IDLE_SECONDS - to_app
    yield (f"{IDLE_READERS} idle readers, head files: requests to the app, a second", f"{to_app:.2f}",
           f"{REQUESTS_A_SECOND}", to_app <= REQUESTS_A_SECOND)
    yield f"{IDLE_READERS} idle readers, head files: looks at them, a second", f"{looks:.1f}", "–", True


PARTS: dict[str, Callable[[], Iterator[Figure]]] = {"polls": polls, "heads": heads, "idle": idle}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.passenger", description=__doc__, allow_abbrev=False)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/hosts.md")
    options = parser.parse_args()
    print(f"{row(*HEAD)}\n{row(*['---'] * len(HEAD))}")
    is_good = True
    for part in options.parts or PARTS:
        for *cells, is_within in PARTS[part]():
            is_good &= is_within
            print(row(*cells), flush=True)
            if options.write:
                write(DOCUMENT, "passenger", HEAD, row(*cells))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
