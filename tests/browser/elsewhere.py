"""Other web servers, whose pages a browser opens beside the chat."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def a_site(handler: type[BaseHTTPRequestHandler]):
    """A server on a port of its own; gives the port, and its handler's class, to be told what to serve."""
    own = type(handler.__name__, (handler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), own) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, own
        finally:
            server.shutdown()
            thread.join()
