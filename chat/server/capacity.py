"""How many readers a process bears: which kind of host it is, and what stays free for posts and pages.

What a server says of itself stands in the environ of its requests; how large its pool of threads is, only in the
process. `facts` looks there, and `budget` decides from both, without looking anywhere.
"""

import resource
import sys
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from chat.core.pacing import LIFETIME_SPREAD, POLL_INTERVAL_MS, SHORT_LIFETIME

OPEN_FILES = 10_100  # what a process should be allowed: ten thousand connections, and some files
SHORT_REQUESTS = 0.1  # of all connections, the part that is kept for requests that wait for nothing
SHORT_THREADS = 0.25  # the same of threads, of which there are few
OWN_FILES = 64  # of a process: the database, sockets to other processes, logs
UNFINISHED = 0.125  # of all files, the part that one network's connections may take which wait for a request to come
OF_NETWORK = 0.25  # of all connections, the part that may be one network's
UNFINISHED_MOST = 1000  # at most, for each keeps a greenlet
CONNECTIONS = 1000  # of a gevent worker of gunicorn's own, unless it was told otherwise

ONCE, SINGLE, THREADS, GREENLETS, PARKED = "once", "single", "threads", "greenlets", "parked"


class Facts(NamedTuple):
    """What the process knows. `threads` is the size of the pool that answers requests, None where each gets its own."""

    threads: int | None = None
    processes: int | None = None
    has_greenlets: bool = False


class Budget(NamedTuple):
    """What a process of this host may do for readers.

    `places` is how many requests it answers at once, `readers` how many of these places streams and held polls may
    take; None is any number. `is_ours` is a worker that takes leave of its readers, and so need not be left early.
    """

    server: str
    kind: str
    processes: int | None = None
    places: int | None = 1
    readers: int | None = 0
    is_ours: bool = False

    def lifetime(self, stream_seconds: int | None, stream_minutes: int) -> tuple[float, float]:
        """Between how many seconds streams end by themselves; (0, 0) when they end with all that there is."""
        if stream_seconds is None and not self.is_ours:
            return SHORT_LIFETIME
        seconds = stream_minutes * 60 if stream_seconds is None else stream_seconds
        return seconds * (1 - LIFETIME_SPREAD), seconds * (1 + LIFETIME_SPREAD)

    def granted(self, wanted: int | None) -> int | None:
        """How many readers may be held where the operator has set `wanted`: never those who take the last place."""
        if self.kind in (ONCE, SINGLE):
            return 0  # nothing wakes a reader there
        if wanted is None:
            return self.readers
        return wanted if self.places is None or self.kind != THREADS else min(wanted, self.places - 1)


def budget(environ: Mapping[str, Any], facts: Facts) -> Budget:
    """What the host of this request bears."""
    server = _server(environ)
    if environ.get("wsgi.run_once"):  # first, because wsgiref says of CGI that there are threads
        return Budget(server, ONCE, None)
    processes = facts.processes if facts.processes or environ.get("wsgi.multiprocess") else 1
    if facts.has_greenlets:
        return Budget(server, GREENLETS, processes, CONNECTIONS, readers(CONNECTIONS))
    if not environ.get("wsgi.multithread"):
        return Budget(server, SINGLE, processes)
    if facts.threads is None:
        return Budget(server, THREADS, processes, None, readers(None))
    return Budget(server, THREADS, processes, facts.threads, readers_of_threads(facts.threads))


def parked(connections: int | None, processes: int | None) -> Budget:
    """Of our own worker, where readers wait without a greenlet, or with one of so many."""
    kind = PARKED if connections is None else GREENLETS
    return Budget("gunicorn", kind, processes, connections, readers(connections), is_ours=True)


def threaded(threads: int, processes: int | None) -> Budget:
    """Of our own worker without gevent."""
    return Budget("gunicorn", THREADS, processes, threads, readers_of_threads(threads), is_ours=True)


def _server(environ: Mapping[str, Any]) -> str:
    for mark, name in (("passenger.", "Passenger"), ("uwsgi.", "uWSGI"), ("mod_wsgi.", "mod_wsgi")):
        if any(key.startswith(mark) for key in environ):
            return name
    if environ.get("wsgi.run_once"):
        return "CGI"
    name = str(environ.get("SERVER_SOFTWARE", "")).partition("/")[0].partition(" ")[0]
    return name[:40] if name.isascii() and name.isprintable() and name else "WSGI"


# What the process knows


def facts(environ: Mapping[str, Any], processes: int | None = None) -> Facts:
    """The facts of this process, for a request that one of its pool's threads answers."""
    monkey = sys.modules.get("gevent.monkey")
    has_greenlets = monkey is not None and monkey.is_module_patched("threading")
    uwsgi, mod_wsgi = sys.modules.get("uwsgi"), sys.modules.get("mod_wsgi")
    if "uwsgi.version" in environ and uwsgi is not None:
        return Facts(getattr(uwsgi, "cores", 1), uwsgi.numproc, has_greenlets)
    if "mod_wsgi.version" in environ and mod_wsgi is not None:
        threads = getattr(mod_wsgi, "threads_per_process", 1)
        return Facts(threads, getattr(mod_wsgi, "maximum_processes", None), has_greenlets)
    if str(environ.get("SERVER_SOFTWARE", "")).startswith("Werkzeug"):
        return Facts(None, processes, has_greenlets)  # a thread for each request, as many as come
    return Facts(_pool_size(threading.current_thread()), processes, has_greenlets)


def _pool_size(thread: threading.Thread) -> int:
    """How many threads the pool of this one has, or those that can be seen of it; one that is alone is no pool."""
    if thread is threading.main_thread():
        return 1
    from chat.runtime import cpython_internals  # late, for hosts where each request is a process

    size = cpython_internals.pool_size(thread)  # of Python's own pool, which begins threads as they are needed
    if size is not None:
        return size
    family = thread.name.rstrip("0123456789")
    return sum(other.name.rstrip("0123456789") == family for other in threading.enumerate())


def files() -> int | None:
    """How many files the process may open, or None for any number."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft if soft != resource.RLIM_INFINITY else None


def open_files_allowed() -> int | None:
    """Let the process open as many files as its user may; returns how many, or None for any number."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return files()


def readers(connections: int | None) -> int | None:
    """How many readers leave room for all else, where each keeps a file, and one of so many connections, if any."""
    bounds = [bound for bound in (sockets(), connections) if bound is not None]
    return int(min(bounds) * (1 - SHORT_REQUESTS)) if bounds else None


def sockets() -> int | None:
    """How many connections a process has files for, parked readers among them; None is any number."""
    allowed = files()
    return max(allowed - OWN_FILES, 1) if allowed is not None else None


def connections(wanted: int) -> int:
    """How many of so many connections a process may accept before it has no file left for them."""
    most = sockets()
    return wanted if most is None else min(wanted, most)


def of_network(connections: int) -> int:
    """How many of so many connections one network may have, whatever they do; parked readers are none of them."""
    return max(int(connections * OF_NETWORK), 1)


def unfinished() -> int:
    """How many connections of one network may wait for a request, or for the rest of one."""
    return min(int((files() or OPEN_FILES) * UNFINISHED), UNFINISHED_MOST)


def readers_of_threads(threads: int) -> int:
    """How many readers leave room for all else, where each keeps one of so many threads."""
    return min(threads - 1, int(threads * (1 - SHORT_THREADS)))


class Host(NamedTuple):
    """Whether the process goes on by itself between its requests, and how often a reader may poll here."""

    lasts: bool
    poll_interval_ms: int


LASTING = Host(True, POLL_INTERVAL_MS)
ONE_AT_A_TIME = Host(False, POLL_INTERVAL_MS)
RUN_ONCE = Host(False, 15_000)  # each poll is a new process, which takes a third of a second of a core


def host_of(environ: Mapping[str, Any]) -> Host:
    """The host of this request.

    A process that answers one request at a time is not to be trusted to go on between them: its server may stop all
    threads while there is nothing to answer (uWSGI), or end it at any moment (Passenger). `run_once` is asked first,
    because wsgiref says of CGI that there are threads.
    """
    if environ.get("wsgi.run_once"):
        return RUN_ONCE
    return LASTING if environ.get("wsgi.multithread") else ONE_AT_A_TIME
