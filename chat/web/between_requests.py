"""What a process that does not last does between its requests."""

from typing import Any

from werkzeug.wsgi import ClosingIterator

from chat.server.process import Process


class BetweenRequests:
    """WSGI middleware: what a process that does not last between its requests does after each of them."""

    def __init__(self, app: Any, process: Process) -> None:
        self._app = app
        self._process = process

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        answer = self._app(environ, start_response)
        if not self._process.is_open or self._process.host.lasts:
            return answer  # as it is: a worker that parks looks at it
        is_end = bool(environ.get("wsgi.run_once"))
        return ClosingIterator(answer, [lambda: self._process.after_request(is_end)])
