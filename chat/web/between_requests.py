"""What a process that does not last does between its requests."""

from typing import Any

from werkzeug.wsgi import ClosingIterator

from chat.server.lifecycle import Lifecycle


class BetweenRequests:
    """WSGI middleware: what is to be done after a request is done once its answer was sent."""

    def __init__(self, app: Any, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        answer = self._app(environ, start_response)
        work = self._lifecycle.work_after_request(is_end=bool(environ.get("wsgi.run_once")))
        if work is None:
            return answer  # as it is: a worker that parks looks at it
        return ClosingIterator(answer, [work])
