"""How many readers a process can hold: which kind of host it is, and what stays free for posts and pages.

`facts` collects what the process knows, such as the size of its thread pool. `budget` decides from that and a request's
environ, without any I/O.
"""

import resource
import sys
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from chat.core.pacing import LIFETIME_SPREAD, POLL_INTERVAL_MS, SHORT_LIFETIME

OPEN_FILES = 10_100  # that a process should be able to open: ten thousand connections, and some files
SHORT_REQUESTS = 0.1  # the share of connections that is kept for requests that don't wait
SHORT_THREADS = 0.25  # the same share of threads, of which there are few
OWN_FILES = 64  # of a process: the database, sockets to other processes, logs
UNFINISHED = 0.125  # the share of files that one network's unfinished requests may take
OF_NETWORK = 0.25  # the share of connections that one network may have
UNFINISHED_MOST = 1000  # never more than this, because each keeps a greenlet
CONNECTIONS = 1000  # of gunicorn's own gevent worker, by default

ONCE, SINGLE, THREADS, GREENLETS, PARKED = "once", "single", "threads", "greenlets", "parked"


class Facts(NamedTuple):
    """What the process knows about its server. `threads` is the pool's size, None if each request gets a new thread."""

    threads: int | None = None
    processes: int | None = None
    has_greenlets: bool = False


class Budget(NamedTuple):
    """What one process of this host can do for readers.

    `places` is how many requests it answers at once, `readers` how many of these may be streams and held polls; None
    means any number. `is_ours` is true for our own workers, which close streams before they stop, so that streams need
    not be short.
    """

    server: str
    kind: str
    processes: int | None = None
    places: int | None = 1
    readers: int | None = 0
    is_ours: bool = False

    def lifetime(self, stream_seconds: int | None, stream_minutes: int) -> tuple[float, float]:
        """The shortest and longest life of a stream, in seconds; (0, 0) if it ends once it has sent what is there."""
        if stream_seconds is None and not self.is_ours:
            return SHORT_LIFETIME
        seconds = stream_minutes * 60 if stream_seconds is None else stream_seconds
        return seconds * (1 - LIFETIME_SPREAD), seconds * (1 + LIFETIME_SPREAD)

    def granted(self, wanted: int | None) -> int | None:
        """How many readers may be held if the operator has set `wanted`; None is any number. One thread stays free."""
        if self.kind in (ONCE, SINGLE):
            return 0  # nothing wakes a reader there
        if wanted is None:
            return self.readers
        return wanted if self.places is None or self.kind != THREADS else min(wanted, self.places - 1)


def budget(environ: Mapping[str, Any], facts: Facts) -> Budget:
    """The budget of a process on the host of this request."""
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
    """The budget of our gevent worker; `connections` is None if it parks readers, else each keeps a connection."""
    kind = PARKED if connections is None else GREENLETS
    return Budget("gunicorn", kind, processes, connections, readers(connections), is_ours=True)


def threaded(threads: int, processes: int | None) -> Budget:
    """The budget of our threaded worker."""
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
    """The facts of this process; to be called in the thread that answers the request with this environ."""
    monkey = sys.modules.get("gevent.monkey")
    has_greenlets = monkey is not None and monkey.is_module_patched("threading")
    uwsgi, mod_wsgi = sys.modules.get("uwsgi"), sys.modules.get("mod_wsgi")
    if "uwsgi.version" in environ and uwsgi is not None:
        return Facts(getattr(uwsgi, "cores", 1), uwsgi.numproc, has_greenlets)
    if "mod_wsgi.version" in environ and mod_wsgi is not None:
        threads = getattr(mod_wsgi, "threads_per_process", 1)
        return Facts(threads, getattr(mod_wsgi, "maximum_processes", None), has_greenlets)
    if str(environ.get("SERVER_SOFTWARE", "")).startswith("Werkzeug"):
        return Facts(None, processes, has_greenlets)  # a new thread for each request
    return Facts(_pool_size(threading.current_thread()), processes, has_greenlets)


def _pool_size(thread: threading.Thread) -> int:
    """The size of the thread's pool, or else how many threads have the same name apart from a number."""
    if thread is threading.main_thread():
        return 1
    from chat.runtime import cpython_internals  # late, for hosts where each request is a process

    size = cpython_internals.pool_size(thread)  # of Python's own pool, which begins threads as they are needed
    if size is not None:
        return size
    family = thread.name.rstrip("0123456789")
    return sum(other.name.rstrip("0123456789") == family for other in threading.enumerate())


def files() -> int | None:
    """How many files the process may open; None means any number."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft if soft != resource.RLIM_INFINITY else None


def open_files_allowed() -> int | None:
    """Raise the process's limit of open files as far as its user may; returns it as `files` does."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return files()


def readers(connections: int | None) -> int | None:
    """How many readers leave room for other requests, if each takes a file and one of `connections`; None: any number.

    `connections` is None if they are not limited.
    """
    bounds = [bound for bound in (sockets(), connections) if bound is not None]
    return int(min(bounds) * (1 - SHORT_REQUESTS)) if bounds else None


def sockets() -> int | None:
    """How many connections a process has files for, including parked readers; None means any number."""
    allowed = files()
    return max(allowed - OWN_FILES, 1) if allowed is not None else None


def connections(wanted: int) -> int:
    """`wanted`, or as many connections as the process has files for if these are fewer."""
    most = sockets()
    return wanted if most is None else min(wanted, most)


def of_network(connections: int) -> int:
    """How many of all `connections` one network may have, at least 1; parked readers don't count."""
    return max(int(connections * OF_NETWORK), 1)


def unfinished() -> int:
    """How many connections of one network may be waiting for a request or the rest of one."""
    return min(int((files() or OPEN_FILES) * UNFINISHED), UNFINISHED_MOST)


def readers_of_threads(threads: int) -> int:
    """How many readers leave room for other requests, if each takes one of `threads`."""
    return min(threads - 1, int(threads * (1 - SHORT_THREADS)))


class Host(NamedTuple):
    """Whether the process keeps running between requests, and how often a reader may poll here."""

    lasts: bool
    poll_interval_ms: int


LASTING = Host(True, POLL_INTERVAL_MS)
ONE_AT_A_TIME = Host(False, POLL_INTERVAL_MS)
RUN_ONCE = Host(False, 15_000)  # each poll starts a process, which takes a third of a second of a core


def host_of(environ: Mapping[str, Any]) -> Host:
    """The host of this request.

    A process that answers one request at a time can't be relied on between them: its server may stop all threads while
    there is nothing to answer (uWSGI), or end it at any moment (Passenger). `run_once` comes first, because wsgiref
    claims threads for CGI.
    """
    if environ.get("wsgi.run_once"):
        return RUN_ONCE
    return LASTING if environ.get("wsgi.multithread") else ONE_AT_A_TIME
