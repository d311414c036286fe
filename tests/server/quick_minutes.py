"""The project's own configuration of gunicorn, but for a chat whose minutes last a second."""

import runpy
from pathlib import Path

globals().update(runpy.run_path(str(Path(__file__).parents[2] / "gunicorn.conf.py")))
_open_for_requests = globals()["post_worker_init"]


def post_worker_init(worker):
    from chat.domain import retention

    retention.MINUTE_SECONDS = 1
    _open_for_requests(worker)
