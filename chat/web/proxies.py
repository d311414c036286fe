"""Where a request really comes from: forwarding headers count only from trusted proxies."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wsgi import host_is_trusted

from chat.core.addresses import NETWORK, client_of, network_of, trust_in

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class TrustedProxies:
    """WSGI middleware: corrects the client's address, scheme, host and prefix if a trusted proxy forwards them.

    The client is the last address in `X-Forwarded-For` that is not a trusted proxy itself, so nobody can fake an
    address by sending the header. `environ[NETWORK]` is the client's network, None for a trusted address.
    """

    def __init__(self, app: Wsgi, trusted: Iterable[str]) -> None:
        self._app = app
        self._rest = ProxyFix(app, x_for=0, x_proto=1, x_host=1, x_prefix=1)
        self._trusts = trust_in(trusted)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        peer, forwarded = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        address = client_of(peer, forwarded, self._trusts)
        if address != peer:
            environ["REMOTE_ADDR"] = address
        environ[NETWORK] = None if self._trusts(address) else network_of(address)
        return (self._rest if self._trusts(peer) else self._app)(environ, start_response)


class KnownHosts:
    """WSGI middleware: answers 400 to requests for host names outside `hosts`; if that is empty, all are allowed."""

    def __init__(self, app: Wsgi, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = list(hosts)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not self._hosts or host_is_trusted(environ.get("HTTP_HOST", "").lower(), self._hosts):
            return self._app(environ, start_response)
        message = "This site has another name. Check the address."
        error = {"error": {"code": "invalid", "message": message, "field": None}}
        body = json.dumps(error).encode() if "json" in environ.get("HTTP_ACCEPT", "") else f"{message}\n".encode()
        kind = "application/json" if body.startswith(b"{") else "text/plain; charset=utf-8"
        start_response("400 Bad Request", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]
