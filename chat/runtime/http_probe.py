"""Requesting a file from our own site as a stranger would."""

import http.client
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

ANSWER_SECONDS = 1.0  # per request; a host with one process cannot answer itself, and a static file comes at once
GOOD_SECONDS = 3600.0  # how long a result may be reused
MOST_BYTES = 4096

Fetch = Callable[[str], bytes | None]


def fetch(address: str) -> bytes | None:
    """The first `MOST_BYTES` of the body of a 200, b"" for any other answer, None if there is no answer."""
    parts = urlsplit(address)
    try:
        with closing(_connection(parts.scheme, parts.netloc)) as connection:
            connection.request("GET", parts.path)
            answer = connection.getresponse()
            return answer.read(MOST_BYTES) if answer.status == 200 else b""
    except (OSError, http.client.HTTPException, ValueError):
        return None


def _connection(scheme: str, host: str) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, timeout=ANSWER_SECONDS)
    import ssl

    # It is our own site and nothing secret is sent, so a self-signed certificate is good enough.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, timeout=ANSWER_SECONDS, context=context)
