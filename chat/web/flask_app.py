"""The Flask app, made cheaper where it works on every request."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Flask, Response, request

from chat.domain import rendering
from chat.web.incoming import IncomingRequest

ADDRESSES = 4096  # of recently linked pages and files
KEPT_CHARACTERS = 200  # of a value in a cached address; longer ones were typed by somebody
YEAR_SECONDS = 365 * 86400


class LongwaveFlask(Flask):
    """Flask with cached addresses, compiled templates and `IncomingRequest`."""

    request_class = IncomingRequest

    def url_for(self, endpoint: str, **values: Any) -> str:
        """As in Flask, but each address is built once: a page has a hundred, which depend only on the mount point."""
        if "_external" in values or any(map(_is_long, values.values())):
            return super().url_for(endpoint, **values)
        return self._address(request.script_root, endpoint, *values.items())

    @lru_cache(ADDRESSES)  # noqa: B019 - there is one app in a process
    def _address(self, script_root: str, endpoint: str, *values: tuple[str, Any]) -> str:
        return super().url_for(endpoint, **dict(values))

    def load_templates(self) -> None:
        """Compile all templates: some take 15 ms, for which the first reader of a page would hold up everybody else."""
        for name in self.jinja_env.list_templates():
            self.jinja_env.get_template(name)
        rendering.template()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself, since none is a coroutine; Flask would check every view and hook in every request."""
        return func

    def process_response(self, response: Response) -> Response:
        """As in Flask, but if this fails, the answer is closed, which gives back the reader's place that it holds."""
        try:
            return super().process_response(response)
        except BaseException:
            response.close()
            raise

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """A year for files that are requested with their version, which never change; 0 for others."""
        return YEAR_SECONDS if request.args.get("v") else 0


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > KEPT_CHARACTERS
