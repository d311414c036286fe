"""The command: soak the real server in faults; a table for people on stderr, JSON for programs on stdout.

Exit status 1 when anything was lost, repeated, out of order, overheard, stale or torn, or the run itself failed.
"""

import argparse
import json
import secrets
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bench.__main__ import RESULTS
from bench.soak.diary import SABOTAGES
from bench.soak.disk import move_into_own_mounts
from bench.soak.oracle import judge
from bench.soak.plan import KINDS
from bench.soak.play import Wish, play, say
from bench.soak.results import as_markdown, as_table, as_value
from bench.verdict import Invalid

MINUTES, READERS, RATE = 5.0, 100, 8.0


def main() -> int:
    options = _options()
    move_into_own_mounts()
    wish = _wish(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped, too
    how_long = "each kind of fault once" if wish.minutes is None else f"{wish.minutes:g} minutes"
    say(f"Soaking {wish.readers} streams, {how_long}; seed {wish.seed}")
    try:
        played = play(wish)
    except Invalid as error:
        say(f"\nINVALID: {error}")
        return 1
    verdict = judge(played.truth, played.diaries, played.journals)
    results = as_value(_command(options, wish.seed), wish, played, verdict)
    say("\n" + as_table(results))
    print(json.dumps(results, indent=1))
    if options.save:
        _keep(results)
    return 0 if verdict.is_clean else 1


def _keep(results: dict[str, Any]) -> None:
    """Keep the JSON, and say what the README shows of it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S', time.gmtime())}-soak-{results['commit']}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    say(f"\nKept as {path}. For the README:\n\n{as_markdown(results)}")


def _command(options: argparse.Namespace, seed: int) -> str:
    """What to type for the same again."""
    words = ["--round"] if options.round else ["--minutes", f"{options.minutes:g}"]
    words += ["--readers", str(options.readers)]
    words += ["--rate", f"{options.rate:g}"] if options.rate != RATE else []
    words += ["--faults", options.faults] if options.faults else []
    words += ["--no-pages"] if options.no_pages else []
    words += ["--sabotage", options.sabotage] if options.sabotage else []
    return shlex.join(["bin/soak", *words, "--seed", str(seed)])


def _options() -> argparse.Namespace:
    about = "Let everything fail while everybody chats, and count what is lost or repeated."
    parser = argparse.ArgumentParser(prog="bin/soak", description=about, allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"how long faults happen ({MINUTES:g})")
    parser.add_argument("--round", action="store_true", help="each kind of fault once, close together, a minute or so")
    parser.add_argument("--readers", type=int, default=READERS, help=f"readers on our own streams ({READERS})")
    parser.add_argument("--rate", type=float, default=RATE, help=f"messages a second, of all writers ({RATE:g})")
    parser.add_argument("--seed", type=int, help="the same faults again (drawn, and printed)")
    parser.add_argument("--faults", help=f"these kinds alone, with commas between, of: {', '.join(KINDS)}")
    parser.add_argument("--no-pages", action="store_true", help="without the pages in Chromium")
    parser.add_argument("--sabotage", choices=SABOTAGES, help="spoil a delivery, to see that it is found")
    parser.add_argument("--log", type=Path, help="keep the server's log in this new file")
    parser.add_argument("--save", action="store_true", help="keep the JSON in bench/results/, print it for the README")
    options = parser.parse_args()
    if options.minutes <= 0 or options.readers < 6 or options.rate <= 0:
        parser.error("--minutes and --rate must be above 0, --readers at least 6")
    options.kinds = tuple(options.faults.split(",")) if options.faults else KINDS
    if options.log and options.log.exists():
        parser.error(f"{options.log} exists")
    unknown = set(options.kinds) - set(KINDS)
    if unknown:
        parser.error(f"there is no fault {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    return options


def _wish(options: argparse.Namespace) -> Wish:
    minutes = None if options.round else options.minutes
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    return Wish(minutes, options.readers, seed, options.rate, options.kinds, not options.no_pages, options.sabotage,
                options.log)


if __name__ == "__main__":
    sys.exit(main())
