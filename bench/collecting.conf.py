"""gunicorn.conf.py of the checkout that is served, with workers that collect their garbage when they are told to.

Memory that waits for the collector is no growth; who measures sends COLLECT and reads `collected PID`.
"""

import gc
import os
import runpy
import signal
from typing import Any

COLLECT = signal.SIGRTMIN  # gunicorn has no use for it

_served = runpy.run_path("gunicorn.conf.py")
globals().update({name: value for name, value in _served.items() if not name.startswith("_")})


def post_worker_init(worker: Any) -> None:
    signal.signal(COLLECT, _collect)
    _served["post_worker_init"](worker)


def _collect(signal_number: int, frame: Any) -> None:
    gc.collect()
    os.write(1, f"collected {os.getpid()}\n".encode())  # not print: this interrupts whatever runs
