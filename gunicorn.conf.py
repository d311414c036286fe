"""How gunicorn serves Longwave; `gunicorn` in a checkout reads this file by itself.

Environment: HOST and PORT (127.0.0.1, 8000), WORKERS (the cores, at most 4). All else about the chat is a
CHAT_ setting.
"""

import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from gunicorn.workers.sync import SyncWorker

from chat.core.config import load
from chat.core.errors import ChatError, ConfigError
from chat.runtime import secret
from chat.server import capacity
from chat.server.capacity import LASTING, ONE_AT_A_TIME
from chat.server.gunicorn_log import RedactingLogger

wsgi_app = "wsgi:app"
chdir = str(Path(__file__).resolve().parent)


def cores() -> int:
    """The cores that this process may use: containers and taskset give fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_gevent() -> bool:
    try:
        import gunicorn.workers.ggevent  # noqa: F401
    except (ImportError, RuntimeError):  # RuntimeError: gunicorn's word for a missing or too old gevent
        return False
    return True


def address(host: str, port: str | int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


bind = address(os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000")
workers = int(os.environ.get("WORKERS") or min(cores(), 4))  # past 4, SQLite's one writer is the limit

worker_class = "chat.server." + ("gevent_worker.StreamWorker" if has_gevent() else "thread_worker.StreamThreadWorker")
# Of requests that are being answered and idle connections; parked readers do not count. gunicorn stops accepting at
# this number, silently; its 1,000 is a few busy proxies.
worker_connections = 20_000
threads = 64  # without gevent only: each open stream or held poll keeps one

timeout = 60  # of silence from a whole process, not of a request: its loop hangs, and it is killed
graceful_timeout = 10  # a stopping worker says bye to its readers within this, then it is killed
keepalive = 75  # longer than nginx keeps an idle connection (60 s): who closes first must be the proxy
max_requests = 0  # replacing a worker would send all its readers away
preload_app = False  # gevent patches in the worker; nothing of ours may be imported, or opened, before

limit_request_line = 8190  # /stream names each room: some 170 of 40 letters
limit_request_fields = 64  # browsers and proxies together send some 30; for all of them, see gunicorn_internals.py
# Cookies of other programs on the same host name come along; and what is too long for us is refused in our own words.
limit_request_field_size = 16_380

# Whom to believe about the original address and scheme is CHAT_TRUSTED_PROXIES's to say, in one place.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

control_socket_disable = True  # gunicorn 25.1 opens one in the home folder; systemd and signals do its work
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a slow disk must not look like a hang
errorlog = "-"
logger_class = RedactingLogger
accesslog = None  # the app logs, without query strings and whole addresses
logging.logThreads = False  # no line names one, and to find out would make every greenlet a thread first


def on_starting(server: Any) -> None:
    """Stop at a wrong setting or a damaged key, with one sentence, and say how many files may be open."""
    try:
        config = load()
        secret.check(config.instance, config.secret)
    except (ConfigError, secret.SecretError) as error:
        sys.exit(str(error))
    RedactingLogger.how_addresses = config.log_addresses
    files = capacity.open_files_allowed()
    if files is not None and files < capacity.OPEN_FILES:
        server.log.warning(
            "This user may open only %s files at once: each worker holds %s readers, and others poll. "
            "For more, type: ulimit -n %s; bin/run",
            files,
            capacity.readers(None),
            capacity.OPEN_FILES,
        )
    if not has_gevent():
        server.log.warning(
            "gevent is missing: each open stream keeps one of %s threads. To try it again, type: rm -r .venv; bin/run",
            workers * threads,
        )


def post_worker_init(worker: Any) -> None:
    """Open what the app needs before the first request; print the address when the first worker is there."""
    # Ctrl-C goes to every process of the terminal; the arbiter alone acts on it, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lifecycle = worker.wsgi.extensions["chat"]
    lifecycle.processes = worker.cfg.workers
    try:
        lifecycle.start(ONE_AT_A_TIME if isinstance(worker, SyncWorker) else LASTING)
    except ChatError as error:  # each request will be answered with the same sentence
        worker.log.error(error)
    import flask_babel  # noqa: F401  # what the app loads late, for hosts where each request is a new process

    worker.wsgi.load_templates()

    # What is loaded now stays until the end: no later search for garbage shall look through it all again.
    gc.collect()
    gc.freeze()
    gc.collect()  # of nothing: or the next would wait for a quarter as much garbage as all that was frozen
    # A request leaves some hundred objects in rings; by default there would be a search after every few requests.
    gc.set_threshold(10_000, 20, 20)
    if worker.age != 1:
        return
    bound = worker.sockets[0].getsockname()
    if isinstance(bound, str):
        return print(f"Longwave listens on the socket {bound}", flush=True)
    host, port = bound[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    stop = " (Ctrl-C stops it)" if os.isatty(0) else ""
    url = f"http://{address(shown, port)}"
    print(f"Longwave is at {url}{stop}", flush=True)
    if lifecycle.is_open and (code := lifecycle.process.owner_code()):
        print(f"Become its owner at {url}/owner/claim?code={code}", flush=True)
