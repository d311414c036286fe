"""The project's own configuration of gunicorn, but its version counts as one that nobody has tried to park with."""

import runpy
from pathlib import Path

globals().update(runpy.run_path(str(Path(__file__).parents[3] / "gunicorn.conf.py")))
_open_for_requests = globals()["post_worker_init"]


def post_worker_init(worker):
    from chat.server import gunicorn_internals

    gunicorn_internals.INTERNALS.tried = (1,), (2,)
    _open_for_requests(worker)
