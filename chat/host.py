"""What a request says of the process that answers it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chat.core.pacing import POLL_INTERVAL_MS


class Host(NamedTuple):
    """Whether the process goes on by itself between its requests, and how often a reader may poll here."""

    lasts: bool
    poll_interval_ms: int


LASTING = Host(True, POLL_INTERVAL_MS)
ONE_AT_A_TIME = Host(False, POLL_INTERVAL_MS)
RUN_ONCE = Host(False, 15_000)  # each poll is a new process, which takes a third of a second of a core


def of(environ: Mapping[str, Any]) -> Host:
    """The host of this request.

    A process that answers one request at a time is not to be trusted to go on between them: its server may stop all
    threads while there is nothing to answer (uWSGI), or end it at any moment (Passenger). `run_once` is asked first,
    because wsgiref says of CGI that there are threads.
    """
    if environ.get("wsgi.run_once"):
        return RUN_ONCE
    return LASTING if environ.get("wsgi.multithread") else ONE_AT_A_TIME
