"""Hosts in network namespaces, on one switch that the test is on, too; the way between two can be cut silently."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

NOWHERE = "02:00:00:00:00:01"  # an address that nobody here has


class Host(NamedTuple):
    """A namespace, or without a name the machine itself; `command` is what runs a program in it."""

    name: str
    address: str

    @property
    def command(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name) if self.name else ()

    def _lead(self, *what: str) -> None:
        _ip("-n", self.name, "neigh", *what, "dev", "eth0")


HERE = Host("", "127.0.0.1")


def cut(one: Host, other: Host) -> None:
    """From now on what they send each other is lost on the way, which neither is told."""
    for here, there in ((one, other), (other, one)):
        here._lead("replace", there.address, "lladdr", NOWHERE, "nud", "permanent")


def mend(one: Host, other: Host) -> None:
    """Undo `cut`."""
    for here, there in ((one, other), (other, one)):
        here._lead("del", there.address)


@contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """One for each name, all of them gone with the block. Needs root."""
    mark = f"lw{os.getpid()}"
    net = f"10.{200 + os.getpid() // 256 % 50}.{os.getpid() % 256}"
    with ExitStack() as made:
        _ip("link", "add", mark, "type", "bridge")
        made.callback(_ip, "link", "del", mark)
        _ip("addr", "add", f"{net}.1/24", "dev", mark)
        _ip("link", "set", mark, "up")
        yield [_host(made, mark, f"{mark}-{name}", f"{net}.{number}") for number, name in enumerate(names, 2)]


def _host(made: ExitStack, switch: str, name: str, address: str) -> Host:
    port = f"{switch}p{address.rpartition('.')[2]}"
    _ip("netns", "add", name)
    made.callback(_ip, "netns", "del", name)
    _ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", port, "master", switch, "up")
    _ip("-n", name, "link", "set", "lo", "up")
    _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")
    return Host(name, address)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)
