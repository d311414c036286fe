"""The Flask app, with what it does for every request made cheap."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Flask, Response, request

from chat.domain import rendering
from chat.web.incoming import IncomingRequest

ADDRESSES = 4096  # of pages and files that have been linked to of late
KEPT_CHARACTERS = 200  # of a value in an address that is kept; what is longer was typed by somebody
YEAR_SECONDS = 365 * 86400


class LongwaveFlask(Flask):
    request_class = IncomingRequest

    def url_for(self, endpoint: str, **values: Any) -> str:
        """As Flask's, each address made once: a page has a hundred, and they depend on the mount point alone."""
        if "_external" in values or any(map(_is_long, values.values())):
            return super().url_for(endpoint, **values)
        return self._address(request.script_root, endpoint, *values.items())

    @lru_cache(ADDRESSES)  # noqa: B019 - there is one app in a process
    def _address(self, script_root: str, endpoint: str, *values: tuple[str, Any]) -> str:
        return super().url_for(endpoint, **dict(values))

    def load_templates(self) -> None:
        """Compile them all: some take 15 ms, for which the first reader of a page would hold up everybody else."""
        for name in self.jinja_env.list_templates():
            self.jinja_env.get_template(name)
        rendering.template()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine; Flask would look at every view and hook in every request."""
        return func

    def process_response(self, response: Response) -> Response:
        """As Flask's, but an answer that is replaced by an error's gives back what it holds: a reader's place."""
        try:
            return super().process_response(response)
        except BaseException:
            response.close()
            raise

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Files that are asked for by version never change; others are asked for anew."""
        return YEAR_SECONDS if request.args.get("v") else 0


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > KEPT_CHARACTERS
