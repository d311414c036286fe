"""An hour of chat on a host at CloudLinux's limits: 20 requests at once, then 508, and 1 GB for all processes.

`python -m bench.cloudlinux`; Apache with Passenger and 6 processes, and 40 browsers by the page's own scripts, each
saying something now and then. Exit status 1 when somebody was refused, or missed or was told twice of anything.
"""

import argparse
import sys

from bench.figures import percentile
from tests.hosts.cloudlinux import MEGABYTES, PAUSE_SECONDS, PROCESSES, Stay, stay
from tests.hosts.kinds import a_host
from tests.hosts.stage import system_python

KIND = "Apache, Passenger"


def main() -> int:
    options = _options()
    with a_host(KIND, system_python(), options.heads) as host:
        came_to = stay(host, options.minutes * 60, options.readers, options.pause, tell=_say)
    print("| figure | |\n|---|---|")
    for name, value in figures(came_to).items():
        print(f"| {name} | {value} |")
    for words in [*came_to.verdict.examples, *came_to.crowd.failed][:20]:
        _say(words)
    return 0 if is_good(came_to) else 1


def is_good(came_to: Stay) -> bool:
    within = came_to.megabytes < MEGABYTES and came_to.processes < PROCESSES
    return within and came_to.verdict.is_clean and not came_to.limit.refused and not came_to.crowd.failed


def figures(came_to: Stay) -> dict[str, str]:
    crowd, limit, verdict = came_to.crowd, came_to.limit, came_to.verdict
    posts, delays = crowd.post_seconds, crowd.delays
    wrong = ", ".join(f"{count} {name}" for name, count in verdict.wrong.items() if count)
    return {
        "browsers, minutes": f"{len(crowd.readers)}, {came_to.seconds / 60:g}",
        "requests, a second": f"{limit.came}, {came_to.requests_a_second:.1f}",
        "at once, at most": f"{limit.most_at_once}",
        "answered with 508": f"{len(limit.refused)}",
        "messages acknowledged, delivered": f"{verdict.acknowledged}, {verdict.delivered}",
        "lost, repeated or out of order": wrong or "0",
        "POST answered, p50, p99": f"{in_time(percentile(posts, 50))}, {in_time(percentile(posts, 99))}",
        "message to reader, p50, p99": f"{in_time(percentile(delays, 50))}, {in_time(percentile(delays, 99))}",
        "processes, memory of all, at most": f"{came_to.processes}, {came_to.megabytes:.0f} MB",
    }


def in_time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.cloudlinux", description=__doc__, allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long they chat (60)")
    parser.add_argument("--readers", type=int, default=40, help="browsers (40)")
    parser.add_argument("--pause", type=float, default=PAUSE_SECONDS,
                        help=f"seconds between two messages of one of them ({PAUSE_SECONDS:g})")
    parser.add_argument("--heads", action="store_true", help="with head files")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
