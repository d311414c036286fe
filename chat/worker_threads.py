"""The gunicorn worker for a machine without gevent: threads, and the same farewell to every open stream."""

import threading
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from chat import capacity


class StreamThreadWorker(ThreadWorker):
    def run(self) -> None:
        self.wsgi.extensions["chat"].settle(capacity.threaded(self.cfg.threads, self.cfg.workers))
        super().run()

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._say_bye()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        self._say_bye()
        super().handle_quit(sig, frame)

    def _say_bye(self) -> None:
        # In a thread: the signal may have come while this one held the hub's lock.
        threading.Thread(target=self.wsgi.extensions["chat"].say_bye, name="farewell", daemon=True).start()
