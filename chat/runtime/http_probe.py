"""Asking our own site for a file, as a stranger would."""

import http.client
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

ANSWER_SECONDS = 1.0  # each; a host of one process cannot answer itself, and what is handed out comes at once
GOOD_SECONDS = 3600.0  # so long a look is good
MOST_BYTES = 4096

Fetch = Callable[[str], bytes | None]


def fetch(address: str) -> bytes | None:
    """The body of a 200, b"" for any other answer, None for none."""
    parts = urlsplit(address)
    try:
        with closing(_connection(parts.scheme, parts.netloc)) as connection:
            connection.request("GET", parts.path)
            answer = connection.getresponse()
            return answer.read(MOST_BYTES) if answer.status == 200 else b""
    except (OSError, http.client.HTTPException, ValueError):
        return None


def _connection(scheme: str, host: str) -> Any:
    if scheme != "https":
        return http.client.HTTPConnection(host, timeout=ANSWER_SECONDS)
    import ssl

    # It is our own site, to which nothing secret is sent: also one whose certificate is its own is looked at.
    return http.client.HTTPSConnection(host, timeout=ANSWER_SECONDS, context=ssl._create_unverified_context())
