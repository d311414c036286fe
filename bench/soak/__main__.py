"""The command: soak the real server in faults; a table for people on stderr, JSON for programs on stdout.

Exit status 1 when anything was lost, repeated, out of order, overheard, stale or torn, or the run itself failed.
"""

import argparse
import json
import secrets
import signal
import sys
import time
from typing import Any

from bench.__main__ import RESULTS
from bench.soak.diary import SABOTAGES
from bench.soak.disk import move_into_own_mounts
from bench.soak.oracle import judge
from bench.soak.play import Wish, play, say
from bench.soak.results import as_table, as_value
from bench.verdict import Invalid

MINUTES, READERS, RATE = 5.0, 100, 8.0


def main() -> int:
    wish, is_kept = _wish()
    move_into_own_mounts()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped, too
    say(f"Soaking for {wish.minutes:g} minutes with {wish.readers} streams; seed {wish.seed}")
    try:
        played = play(wish)
    except Invalid as error:
        say(f"\nINVALID: {error}")
        return 1
    verdict = judge(played.truth, played.diaries, played.journals)
    results = as_value(wish, played, verdict)
    say("\n" + as_table(results))
    print(json.dumps(results, indent=1))
    if is_kept:
        _keep(results)
    return 0 if verdict.is_clean else 1


def _keep(results: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S', time.gmtime())}-soak-{results['commit']}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    say(f"\nKept as {path}")


def _wish() -> tuple[Wish, bool]:
    about = "Let everything fail while everybody chats, and count what is lost or repeated."
    parser = argparse.ArgumentParser(prog="bin/soak", description=about)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"how long faults happen ({MINUTES:g})")
    parser.add_argument("--readers", type=int, default=READERS, help=f"readers on our own streams ({READERS})")
    parser.add_argument("--rate", type=float, default=RATE, help=f"messages a second, of all writers ({RATE:g})")
    parser.add_argument("--seed", type=int, help="the same faults again (drawn, and printed)")
    parser.add_argument("--no-pages", action="store_true", help="without the pages in Chromium")
    parser.add_argument("--sabotage", choices=SABOTAGES, help="spoil a delivery, to see that it is found")
    parser.add_argument("--save", action="store_true", help="keep the JSON in bench/results/")
    options = parser.parse_args()
    if options.minutes <= 0 or options.readers < 6 or options.rate <= 0:
        parser.error("--minutes and --rate must be above 0, --readers at least 6")
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    wish = Wish(options.minutes, options.readers, seed, options.rate, not options.no_pages, options.sabotage)
    return wish, options.save


if __name__ == "__main__":
    sys.exit(main())
