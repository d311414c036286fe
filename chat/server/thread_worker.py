"""The gunicorn worker for machines without gevent: threads, and the same farewell to every open stream."""

import ssl
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from chat.realtime.sending import Sender
from chat.server import capacity, gunicorn_internals
from chat.server.protocol_errors import ProtocolErrors


class StreamThreadWorker(ProtocolErrors, ThreadWorker):
    """gunicorn's threaded worker, but its streams say `bye` when it ends, and no reader keeps a thread for ever."""

    def run(self) -> None:
        """Serve until told to end."""
        self._app: Any = self.wsgi
        self.wsgi: Any = self._call
        self._lifecycle().settle(capacity.threaded(self.cfg.threads, self.cfg.workers))
        super().run()

    def _call(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """The app; its answer is sent with a deadline, or a reader that takes nothing would keep a thread for ever."""
        lifecycle, answer = self._lifecycle(), gunicorn_internals.answer_of(start_response)
        connection: Any = environ.get("gunicorn.socket")
        if answer is not None and not isinstance(connection, ssl.SSLSocket):  # which sends nothing without waiting
            answer.sock = Sender(connection, lifecycle.backlog, partial(lifecycle.network_of, environ))
        return self._app(environ, start_response)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """TERM: say `bye` on every stream, and end when all requests are answered."""
        self._say_bye()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """QUIT: say `bye`, and end at once."""
        self._say_bye()
        super().handle_quit(sig, frame)

    def _say_bye(self) -> None:
        # In a thread of its own, because the signal may have come while this one held the hub's lock.
        threading.Thread(target=self._lifecycle().say_bye, name="farewell", daemon=True).start()

    def _lifecycle(self) -> Any:
        return getattr(self, "_app", self.wsgi).extensions["chat"]
