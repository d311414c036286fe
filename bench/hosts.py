"""What each kind of host bears: `python -m bench.hosts [KIND...]` runs them, a minute each.

`--write` puts what was measured into the table of docs/hosts.md. Thirty visitors read a room: at rest, while one
message comes, and while fifteen are posted. Nothing else may run.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path
from statistics import median

from bench import machine
from tests.hosts.kinds import KINDS, Host, a_host
from tests.hosts.readers import LAST, reading
from tests.hosts.stage import processes, stat_of, system_python
from tests.support.clients import Person
from tests.support.serving import TOP

DOCUMENT = TOP / "docs" / "hosts.md"
READERS = 30
COME_SECONDS = 2.0  # and an interval between two polls
REST_SECONDS = 12.0  # at least such an interval
POSTS = 15
POST_PAUSE_SECONDS = 0.3
HELD_SECONDS = 2.0  # a poll that is not answered for so long is held
PARTING_WORDS = 3  # so that the server notices whose stream is closed
TICKS = os.sysconf("SC_CLK_TCK")
HOW = {
    "Apache, Passenger": "6 processes, one request each",
    "Apache, mod_wsgi": "1 process of 15 threads",
    "Apache, CGI": "a process for each request",
    "nginx, uWSGI, processes": "4 processes, one request each",
    "nginx, uWSGI, threads": "1 process of 16 threads",
    "nginx and Caddy, gunicorn sync": "3 processes, one request each",
    "nginx and Caddy, gunicorn gthread": "2 processes of 16 threads",
    "nginx and Caddy, gunicorn gevent": "2 processes, a greenlet for each request",
    "nginx and Caddy, our worker": "2 processes, readers parked",
    "waitress": "1 process of 16 threads",
    "Werkzeug": "1 process, a thread for each request",
}
HEAD = ("host", "how it is started", "what works", f"of {READERS} readers held", "message to reader, p50",
        f"POST with {READERS} readers, p50", "slowest", "CPU per reader and hour")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.hosts", description=__doc__, allow_abbrev=False)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="those alone whose name holds one of these words")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/hosts.md")
    options = parser.parse_args()
    print(f"{row(*HEAD)}\n{row(*['---'] * len(HEAD))}", flush=True)
    for kind in KINDS:
        if not options.kinds or any(word in kind for word in options.kinds):
            with a_host(kind, system_python()) as host:
                cells = measure(host)
            print(row(kind, HOW[kind], *cells), flush=True)
            if options.write:
                write(DOCUMENT, "hosts", HEAD, row(kind, HOW[kind], *cells))


def measure(host: Host) -> list[str]:
    waits = []
    with Person(host) as alice:
        alice.sign_in("alice")
        token = alice.token()

        def post(body: str) -> float:
            began = time.monotonic()
            assert alice.post("/rooms/lobby/messages", body=body, token=token).status == 201
            return time.monotonic() - began

        works = what_works(alice)
        interval = alice.poll("room=lobby")["interval_ms"] / 1000
        with reading(host, READERS, alice.cursor()) as readers:
            time.sleep(COME_SECONDS + interval)
            before = cpu_seconds(host)
            seconds = max(REST_SECONDS, interval)
            time.sleep(seconds)
            rest = (cpu_seconds(host) - before) / READERS / seconds * 3600
            began = time.monotonic()
            post("one")
            while not all("one" in reader.bodies or reader.error for reader in readers):
                time.sleep(0.05)
            delays = [reader.heard_at["one"] - began for reader in readers if not reader.error]
            for number in range(POSTS):
                waits.append(post(LAST if number == POSTS - 1 else str(number)))
                time.sleep(POST_PAUSE_SECONDS)
    errors = [reader.error for reader in readers if reader.error]
    assert not errors, errors
    assert all(reader.bodies == ["one", *map(str, range(POSTS - 1)), LAST] for reader in readers), "something was lost"
    held = sum(reader.way == "stream" for reader in readers)
    return [works, str(held), in_time(median(delays)), in_time(median(waits)), in_time(max(waits)), f"{rest:.1f} s"]


def what_works(person: Person) -> str:
    """The best step of the ladder first. Afterwards no place is taken any more."""
    cursor = person.cursor()
    stream = person.listen(f"room=lobby&since={cursor}")
    held = person.ask(f"/poll?room=lobby&since={cursor}&wait=25")
    is_held = not held.comes_within(HELD_SECONDS)
    person.say("is this heard?")
    heard = stream.expect(("message", "mode"))
    works = ["streams"] * (heard.name == "message") + ["held polls"] * is_held
    stream.close()
    held.close()
    for _ in range(PARTING_WORDS):
        person.say("is anybody there?")
        time.sleep(POST_PAUSE_SECONDS)
    answer = person.poll("room=lobby")
    heads = ["head files"] * ("head_urls" in answer)
    return ", ".join([*works, f"polls every {answer['interval_ms'] / 1000:g} s", *heads])


def in_time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def cpu_seconds(host: Host) -> float:
    """What all processes of this host have used, those included that they have waited for.

    Apache does not wait for its CGI programs. There it is what the machine has worked, but for this process.
    """
    if host.is_run_once:
        return machine.busy_seconds() - time.process_time()
    return sum(sum(map(int, stat_of(path)[11:15])) for path in processes(str(host.stage.top))) / TICKS


# The tables of docs/hosts.md


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def write(document: Path, mark: str, head: tuple[str, ...], line: str) -> None:
    """Put the line in the place of the one that begins with the same cell, or after the last, in the marked table."""
    text = document.read_text()
    found = re.search(rf"(?<=<!-- {mark} -->\n).*?(?=<!-- /{mark} -->)", text, re.DOTALL)
    assert found, f"{document} has no table marked {mark}"
    first = row(*head)
    lines = found[0].splitlines()[2:] if found[0].startswith(first) else []
    known = {each.split(" | ")[0]: each for each in lines} | {line.split(" | ")[0]: line}
    order = [f"| {kind}" for kind in KINDS]
    kept = sorted(known, key=lambda cell: order.index(cell) if cell in order else len(order))
    table = [first, row(*["---"] * len(head)), *(known[cell] for cell in kept)]
    document.write_text(text[: found.start()] + "\n".join(table) + "\n" + text[found.end() :])


if __name__ == "__main__":
    sys.exit(main())
