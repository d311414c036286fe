"""Where a request really comes from: forwarding headers, believed from trusted proxies alone."""

import ipaddress
import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from chat.core.addresses import ADDRESSES, network_of

NETWORK = "longwave.network"  # in the environ: whose share of what is scarce a request uses up; None is nobody's

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class TrustedProxies:
    """WSGI middleware: put the client's address, scheme, host and prefix right, when a trusted proxy says them.

    The client is the last address in `X-Forwarded-For` that is no trusted proxy itself, so that nobody can lend
    themselves an address by sending the header.
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


def client_of(peer: str, forwarded: str, trusts: Callable[[str], bool]) -> str:
    """The address that a request came from, given the one that its connection came from and the header."""
    client = peer
    for address in map(str.strip, reversed(forwarded.split(",")) if trusts(peer) else ()):
        client = address or client
        if not trusts(address):
            break
    return client


def trust_in(trusted: Iterable[str]) -> Callable[[str], bool]:
    """The question whether an address is a trusted proxy's, its answers remembered."""
    networks = [ipaddress.ip_network(text) for text in trusted if text != "unix"]
    trusts_unix = "unix" in trusted

    @lru_cache(ADDRESSES)
    def is_trusted(address: str) -> bool:
        if not address or address == "unix":
            return trusts_unix
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in networks)

    return is_trusted


class KnownHosts:
    """WSGI middleware: refuse requests for host names that are not this site's, before any address is built of them."""

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
