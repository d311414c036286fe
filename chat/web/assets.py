"""The edition of the files in `static/`, and the scripts, joined into one per page.

A first visit needs one request for scripts instead of sixty, six at a time. The files stay separate in the source, and
nothing joined is stored on disk.
"""

import hashlib
import time
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from chat.core import resources

# All parts are named by their paths below `static/js/`.

# The ladder, which is independent of pages, in the order in which its files build on each other.
_LADDER = (
    "line/network_memory", "core/backoff", "core/verdict", "line/frames", "line/attempt", "line/event_source",
    "line/element_stream", "line/xhr_stream", "line/watermarks", "line/poll", "line/ladder", "line/ladder_streams",
    "line/ladder_polls", "sharing/carrier",
)

# What each page loads, in this order. A part that throws does not keep later parts from running.
PAGES: Mapping[str, tuple[str, ...]] = {
    "room": (
        "core/base", "page/page", "core/elapsed", "core/server_time", "core/request", "core/moments",
        "core/local_storage", "core/lock",
        "page/times", "page/net",
        "composer/queue", "composer/outbox",
        "room/rows", "room/separators", "room/log", "room/history",
        "composer/pending", "composer/keys", "composer/composer",
        "page/copy", "page/invite",
        "room/menu", "room/acts", "room/removal", "room/edit", "room/walk",
        "page/snapshot", "page/lists", "page/room_place", "page/rooms",
        "room/unread", "room/read",
        "people/here", "people/roster", "people/typing",
        "page/announce", "page/panels", "page/state",
        *_LADDER,
        "sharing/listener", "sharing/leader", "sharing/sharing",
        "page/connection", "page/renewal", "page/refresh", "page/start", "page/sleep",
    ),
    "home": (
        "core/base", "page/page", "core/elapsed", "core/server_time", "core/request", "core/moments",
        "core/local_storage", "core/lock",
        "page/net", "page/snapshot", "page/lists", "page/room_place", "page/rooms",
        "room/unread",
        *_LADDER,
        "sharing/listener", "sharing/leader", "sharing/sharing",
        "page/connection", "page/start", "page/sleep",
    ),
    "plain": ("page/sleep", "core/base", "core/moments", "page/own_times", "page/copy", "page/copy_link"),
    "selftest": (
        "core/base", "page/page", "core/elapsed", "core/server_time", "core/request", "page/copy", "core/verdict",
        "line/frames", "line/attempt", "line/event_source", "line/xhr_stream",
        "selftest/selftest_ways", "selftest/selftest_sharing", "selftest/selftest_clock", "selftest/selftest",
    ),
    "wait": ("page/wait",),
}

# In a worker a part that throws stops everything: half a ladder must not have the line, and pages find another way.
WORKERS: Mapping[str, tuple[str, ...]] = {
    "shared-worker": (
        "sharing/shared_worker", "core/base", "core/elapsed", "core/server_time", "core/request",
        *(part for part in _LADDER if part != "line/element_stream"),
    ),
}

FRESH_SECONDS = 1.0

_MISSING = "throw new Error('{}.js is missing');\n"
_APART = "try {{\n{}}} catch (problem) {{ setTimeout(function () {{ throw problem; }}, 0); }}\n"


class Edition(NamedTuple):
    """All static files as they were when they were read; `name` is a hash of them all."""

    name: str
    scripts: Mapping[str, bytes]  # name → joined


_newest: tuple[float, Edition] | None = None  # with the time at which it was read


@cache
def current() -> Edition:
    """The edition that this process started with; its pages put the name into addresses."""
    return read()


def newest() -> Edition:
    """The edition on disk, at most `FRESH_SECONDS` old, for requests that name another than this process's.

    Reading all files takes milliseconds, and anybody may request an edition that never existed.
    """
    global _newest
    now = time.monotonic()
    if _newest is None or now - _newest[0] >= FRESH_SECONDS:
        _newest = now, read()
    return _newest[1]


def read() -> Edition:
    """The edition on disk, read now."""
    digest = hashlib.sha256()
    folder = resources.folder("static")
    parts = {}  # path below static/js, without its end → content
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".txt" and not path.name.startswith("."):  # not a head file, or its draft
            content = path.read_bytes()
            digest.update(content)
            if path.suffix == ".js":
                parts[path.relative_to(folder / "js").with_suffix("").as_posix()] = content.decode()
    scripts = {name: _joined(names, parts, _APART) for name, names in PAGES.items()}
    scripts |= {name: _joined(names, parts, "{}") for name, names in WORKERS.items()}
    for script in scripts.values():
        digest.update(script)
    return Edition(digest.hexdigest()[:12], scripts)


def _joined(names: tuple[str, ...], parts: Mapping[str, str], form: str) -> bytes:
    """The parts, each under its path in a comment; in place of a missing part is code that throws."""
    named = ((name, parts.get(name, _MISSING.format(name))) for name in names)
    return "\n".join(f"/* {name}.js */\n{form.format(part)}" for name, part in named).encode()
