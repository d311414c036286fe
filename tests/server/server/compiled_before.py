"""The project's own configuration of gunicorn, but a template that a request has compiled is an error."""

import logging
import runpy
from pathlib import Path

globals().update(runpy.run_path(str(Path(__file__).parents[3] / "gunicorn.conf.py")))
_open_for_requests = globals()["post_worker_init"]


def post_worker_init(worker):
    _open_for_requests(worker)
    environment = worker.wsgi.jinja_env
    compile_one = environment.compile

    def compile_late(source, name=None, *args, **named):
        logging.getLogger("chat").error("%s was compiled while a request waited", name)
        return compile_one(source, name, *args, **named)

    environment.compile = compile_late
