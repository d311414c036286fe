"""The project's own configuration of gunicorn, but a body must come within a second, and a little more."""

import runpy
from pathlib import Path

globals().update(runpy.run_path(str(Path(__file__).parents[3] / "gunicorn.conf.py")))
_open_for_requests = globals()["post_worker_init"]


def post_worker_init(worker):
    from chat.server import arriving

    arriving.BODY_SECONDS = 1
    arriving.BODY_BYTES_A_SECOND = 1000  # so that a client which is held up for a moment has not been too slow
    _open_for_requests(worker)
