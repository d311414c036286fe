"""Network addresses: what counts as one sender, what may be banned, what may be logged."""

import ipaddress
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any

ADDRESSES = 4096  # so many are cached, because parsing one takes longer than looking up its user
NETWORK = "longwave.network"  # in the environ: the network whose share of scarce things a request uses, or None


@lru_cache(ADDRESSES)
def network_of(address: str | None) -> str | None:
    """What counts as one sender: an IPv4 address, or the /64 of IPv6 that one customer has; None for anything else."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def networks_of(address: str | None) -> tuple[str, ...]:
    """The address's network, and for IPv6 also the /48 around it; empty for anything else."""
    network = network_of(address)
    if network is None:
        return ()
    return (network, around(network)) if ":" in network else (network,)


@lru_cache(ADDRESSES)
def around(network: str) -> str:
    """The /48 around an IPv6 network, since its owner may use any part of it; an IPv4 network as it is."""
    return str(ipaddress.ip_network(network).supernet(new_prefix=48)) if ":" in network else network


def around_sender(sender: Hashable) -> Hashable:
    """The same of a sender that is a network; any other, such as a proxy's connection, is by itself."""
    return around(sender) if isinstance(sender, str) else sender


def is_bannable(address: str, trusted: Iterable[str]) -> bool:
    """Whether a ban of the address would affect its sender only, which is not so for a trusted proxy or if private."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    banned = ipaddress.ip_network(network_of(address) or "")
    proxies = [ipaddress.ip_network(text) for text in trusted if text != "unix"]
    return parsed.is_global and not any(proxy.overlaps(banned) for proxy in proxies)


@lru_cache(ADDRESSES)
def shortened(address: str | None, how: str) -> str:
    """An address as it may be logged: `full`, `none` ("-"), or `short`, without its last 8 bits, of IPv6 80."""
    if how == "none" or not address:
        return "-"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "-"
    if how == "full":
        return str(parsed)
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, prefix), strict=False).network_address)


FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_VIA", "HTTP_TRUE_CLIENT",
             "HTTP_CF_CONNECTING", "HTTP_X_CLUSTER_CLIENT")  # how the names of the headers begin that proxies add


def is_direct_from_here(environ: Mapping[str, Any]) -> bool:
    """Whether a program of this machine connected directly: from the loopback, without any header that proxies add."""
    try:
        parsed = ipaddress.ip_address(environ.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return parsed.is_loopback and not any(name.startswith(FORWARDED) for name in environ)


def client_of(peer: str, forwarded: str, trusts: Callable[[str], bool]) -> str:
    """The address that a request came from: the last one in X-Forwarded-For that is not a trusted proxy's.

    `peer` is the connection's address, `forwarded` the header's value.
    """
    client = peer
    for address in map(str.strip, reversed(forwarded.split(",")) if trusts(peer) else ()):
        client = address or client
        if not trusts(address):
            break
    return client


def trust_in(trusted: Iterable[str]) -> Callable[[str], bool]:
    """A function that tells whether an address is a trusted proxy's, with a cache. `unix` stands for Unix sockets."""
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
