"""What is known about the host that runs the chat: kept in the instance for the command line, and put into words.

The sentences are templates of the catalogue with their values, because the owner reads them in the site's language.
"""

import json
import math
import os
import resource
from pathlib import Path
from typing import NamedTuple

from chat.core.errors import N_, Sentence
from chat.core.pacing import IDLE_SECONDS
from chat.server import capacity
from chat.server.capacity import Budget

FILE = "host"
EXAMPLE_READERS = 50
LESS = 1.2  # the factor by which a measured cost must have fallen to be noted again
POLL_SECONDS = 0.002  # of a core, for a poll without news; 1 to 1.7 ms were measured on a small machine
KILOBYTES = {capacity.PARKED: 2.5, capacity.GREENLETS: 20.0, capacity.THREADS: 50.0}  # measured, per waiting reader


class Hosting(NamedTuple):
    """A host as it was last seen: its budget, what is granted of it, and what its processes were measured to cost.

    `lifetime` is the shortest and longest life of a stream in seconds, `request_seconds` the time on a core for one
    request, `has_heads` whether readers who poll look at head files in between.
    """

    budget: Budget
    readers: int | None
    lifetime: tuple[float, float]
    interval_ms: int
    megabytes: float
    request_seconds: float = POLL_SECONDS
    has_heads: bool = False

    def words(self) -> list[Sentence]:
        """The host in a few sentences: what kind it is, how long streams last, what fifty people cost."""
        return [_kind(self), *_lifetime(self), _cost(self)]


def megabytes_here() -> float:
    """The largest memory of this process so far, in MB, including what it shares with others."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# In the instance


def note(instance: Path, hosting: Hosting) -> None:
    """Keep it for `last_seen`, unless that is equal. The fastest request counts, because a first one does more."""
    seen = last_seen(instance)
    if seen is not None and _is_as_good(seen, hosting):
        return
    draft = instance / f"{FILE}.{os.getpid()}"
    try:
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(hosting._asdict() | {"budget": hosting.budget._asdict()}))
        draft.replace(instance / FILE)
    except OSError:  # a full disk; the next process tries again
        draft.unlink(missing_ok=True)


def last_seen(instance: Path) -> Hosting | None:
    """The host on which the chat last answered, or None if it never has or the note is damaged."""
    try:
        kept = json.loads((instance / FILE).read_text())
        seen = Hosting(**kept | {"budget": Budget(**kept["budget"]), "lifetime": tuple(kept["lifetime"])})
        return seen if seen.words() else None  # a damaged one has no words
    except (OSError, ValueError, TypeError, KeyError, RecursionError):  # there is none, or it is another version's
        return None


def _is_as_good(seen: Hosting, hosting: Hosting) -> bool:
    is_same = seen._replace(megabytes=0, request_seconds=0) == hosting._replace(megabytes=0, request_seconds=0)
    return is_same and seen.request_seconds <= hosting.request_seconds * LESS


# In words


def _kind(hosting: Hosting) -> Sentence:
    budget = hosting.budget
    texts = {
        capacity.ONCE: N_("%(server)s starts a process for each request, so everyone polls."),
        capacity.SINGLE: N_("%(server)s answers one request at a time in each process, so everyone polls."),
        capacity.THREADS: N_(
            "%(server)s answers %(places)s requests at once in each process. Up to %(readers)s of them can be live "
            "connections; the rest stay free for posts and pages."
        ),
        capacity.GREENLETS: N_(
            "%(server)s answers %(places)s requests at once in each process, without a thread for each. Up to "
            "%(readers)s of them can be live connections."
        ),
        capacity.PARKED: N_(
            "%(server)s runs the chat's own worker: up to %(readers)s live connections in each process, limited only "
            "by how many files it may open."
        ),
    }
    shown = {"server": budget.server, "places": _number(budget.places), "readers": _number(hosting.readers)}
    return Sentence(texts[budget.kind], shown)


def _number(number: int | None) -> str:
    return "∞" if number is None else str(number)


def _lifetime(hosting: Hosting) -> list[Sentence]:
    low, high = hosting.lifetime
    if high == 0:
        seconds = {"seconds": hosting.interval_ms // 1000}
        return [Sentence(N_("Live connections end with the latest news and reconnect after %(seconds)d s."), seconds)]
    if hosting.readers == 0:
        return []
    if low < 120:
        return [Sentence(N_("Live connections reconnect every %(low)d to %(high)d s."),
                         {"low": low, "high": high})]
    return [Sentence(N_("Live connections reconnect every %(low)d to %(high)d minutes."),
                     {"low": low / 60, "high": high / 60})]


def _cost(hosting: Hosting) -> Sentence:
    return Sentence(
        N_(
            "With %(readers)d people here: %(held)d live, %(polling)d polling, %(requests)d requests a minute, "
            "%(processes)d processes, %(megabytes)d MB."
        ),
        cost(hosting, EXAMPLE_READERS)._asdict(),
    )


class Cost(NamedTuple):
    """What `readers` people cost: how many are held and how many poll, requests per minute, processes, memory."""

    readers: int
    held: int
    polling: int
    requests: int
    processes: int
    megabytes: int


def cost(hosting: Hosting, readers: int) -> Cost:
    """What so many people cost who only read. Streams that end at once cost as much as polls."""
    budget, (low, high) = hosting.budget, hosting.lifetime
    known = budget.processes or 1
    held = 0 if high == 0 else readers if hosting.readers is None else min(readers, hosting.readers * known)
    looks_at_heads = hosting.has_heads and high > 0  # streams that end at once are reopened at the interval
    interval_seconds = IDLE_SECONDS if looks_at_heads else hosting.interval_ms / 1000
    polls_a_minute = (readers - held) * 60 / interval_seconds
    requests = polls_a_minute + (held * 120 / (low + high) if held else 0)
    at_work = math.ceil(polls_a_minute / 60 * hosting.request_seconds)
    processes = max(1, at_work) if budget.kind == capacity.ONCE else max(known, at_work)
    megabytes = processes * hosting.megabytes + held * KILOBYTES.get(budget.kind, 0) / 1024
    return Cost(readers, held, readers - held, math.ceil(requests), processes, math.ceil(megabytes))
