"""Addresses of the network: what counts as one sender, what may be banned, what may stand in a log."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

ADDRESSES = 4096  # whose forms are remembered: to parse one takes longer than to look up who has it
NETWORK = "longwave.network"  # in the environ: whose share of what is scarce a request uses up; None is nobody's


@lru_cache(ADDRESSES)
def network_of(address: str | None) -> str | None:
    """What counts as one sender: an IPv4 address, or a /64 of IPv6, which a single customer has; None for neither."""
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
    """What counts as one sender, and of IPv6 what is around it."""
    network = network_of(address)
    if network is None:
        return ()
    return (network, around(network)) if ":" in network else (network,)


@lru_cache(ADDRESSES)
def around(network: str) -> str:
    """The /48 around a network of IPv6, of which whoever has it may use any part; others are by themselves."""
    return str(ipaddress.ip_network(network).supernet(new_prefix=48)) if ":" in network else network


def is_bannable(address: str, trusted: Iterable[str]) -> bool:
    """Whether a ban of the address would meet its sender alone: not where it is a proxy's, or private."""
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
    """An address as it may stand in a log: `full`, `none`, or `short`, which drops 8 bits, or 80 of IPv6."""
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
             "HTTP_CF_CONNECTING", "HTTP_X_CLUSTER_CLIENT")  # how the names of headers begin that a proxy adds


def is_direct_from_here(environ: Mapping[str, Any]) -> bool:
    """Whether a program of this machine has connected by itself: from the loopback, with nothing that a proxy adds."""
    try:
        parsed = ipaddress.ip_address(environ.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return parsed.is_loopback and not any(name.startswith(FORWARDED) for name in environ)


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
