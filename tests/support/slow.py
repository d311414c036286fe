"""Readers that take next to nothing of what they have asked for."""

import http.client
import socket
from contextlib import closing, contextmanager

from tests.support.clients import with_hyphens
from tests.support.serving import PATIENCE_SECONDS

SEGMENT_BYTES = 536  # small, as beyond the loopback, or the kernel would take megabytes on itself
WINDOW_BYTES = 4096


@contextmanager
def asked(server, path, source="127.0.0.1", **headers):
    """A request whose answer nobody reads, and for which there is next to no room; it comes from this address."""
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
    end.settimeout(PATIENCE_SECONDS)
    end.bind((source, 0))
    end.connect((server.host, server.port))
    connection = http.client.HTTPConnection(server.host, server.port)
    connection.sock = end
    with closing(end), closing(connection):
        connection.request("GET", path, headers=with_hyphens(headers))
        yield connection
