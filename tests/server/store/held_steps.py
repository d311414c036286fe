"""The project's own configuration of gunicorn, but a test can hold or end a worker between two of its steps.

What is to happen stands in a file of the instance, `at-` and the step's name. The worker that comes there first renames
it to `reached-`, and does it: "die", "omit" the step, or "wait" until the file is gone.
"""

import os
import runpy
import signal
import time
from contextlib import contextmanager
from pathlib import Path

globals().update(runpy.run_path(str(Path(__file__).parents[3] / "gunicorn.conf.py")))
_open_for_requests = globals()["post_worker_init"]


def post_worker_init(worker):
    from chat.realtime.hub import Hub
    from chat.realtime.relay.unix import UnixRelay
    from chat.store import Transaction, writer
    from chat.store.sqlite import checkpoints, database, turnstile

    writer.QUEUE_SECONDS, writer.RESULT_SECONDS = 2.0, 2.0
    database.BUSY_TIMEOUT_MS = checkpoints.BUSY_TIMEOUT_MS = 2000
    turnstile.PATIENCE_SECONDS = 0.5
    Hub.register = followed_by("register", Hub.register)
    UnixRelay.ring = preceded_by("ring", UnixRelay.ring)
    Transaction.append = followed_by("append", Transaction.append)
    turnstile.Turnstile.passed = entered("turnstile", turnstile.Turnstile.passed)
    _open_for_requests(worker)


def reach(step):
    """Do what the test wants at this step; true when the step itself is to be left out."""
    order = Path(os.environ["CHAT_INSTANCE"]) / f"at-{step}"
    try:
        wanted = order.read_text()
        order.rename(order.with_name(f"reached-{step}"))
    except FileNotFoundError:  # nothing, or another worker was first
        return False
    if wanted == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    while wanted == "wait" and order.with_name(f"reached-{step}").exists():
        time.sleep(0.01)
    return wanted == "omit"


def followed_by(step, method):
    def call(*arguments, **named):
        result = method(*arguments, **named)
        reach(step)
        return result

    return call


def preceded_by(step, method):
    def call(*arguments):
        return None if reach(step) else method(*arguments)

    return call


def entered(step, passed):
    @contextmanager
    def call(self):
        with passed(self):
            reach(step)
            yield

    return call
