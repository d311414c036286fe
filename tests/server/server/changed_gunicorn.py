"""The project's own configuration of gunicorn, but inside one of its methods takes another argument than it did."""

import runpy
from pathlib import Path

from gunicorn.workers.base_async import AsyncWorker

globals().update(runpy.run_path(str(Path(__file__).parents[3] / "gunicorn.conf.py")))
_as_it_was = AsyncWorker.handle_request


def _changed(self, listener_name, req, sock, addr, more=None):
    return _as_it_was(self, listener_name, req, sock, addr)


AsyncWorker.handle_request = _changed
