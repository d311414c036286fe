"""Whether the web server serves private files: they are requested by HTTP, as a stranger would.

The instance may be inside a web root, at a URL that the program cannot know. So every suffix of a file's path is tried:
for /home/alice/public_html/longwave/instance/canary these are /canary, /instance/canary, /longwave/instance/canary and
so on.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from chat.runtime.http_probe import GOOD_SECONDS, MOST_BYTES, Fetch, fetch

FILE = "canary"  # in the instance, only there to be requested
FOUND = "canary.json"
ALL_SECONDS = 5.0
PROGRAM = Path(__file__).parents[1] / "cli.py"  # a file of ours that no web server may serve
FOLDERS = 4  # the longest suffix of a path that is tried, in names


class Found(NamedTuple):
    """The result of a check of the site `url`: the URLs that serve private files, and whether there was any answer."""

    url: str
    exposed: list[str]
    is_answered: bool
    at: float


def look(instance: Path, url: str, ask: "Fetch | None" = None, clock: Callable[[], float] = time.time) -> Found:
    """Request the private files from the site at `url`; a result without any is reused for an hour."""
    earlier = last_found(instance)
    if earlier is not None and earlier.url == url and 0 <= clock() - earlier.at < GOOD_SECONDS and not earlier.exposed:
        return earlier
    exposed, is_answered = [], False
    deadline = time.monotonic() + ALL_SECONDS
    for path, content in _private_files(instance):
        for address in dict.fromkeys(_addresses(url, path)):
            if time.monotonic() > deadline:
                break
            answer = (ask or fetch)(address)
            is_answered |= answer is not None
            if answer is not None and answer[:MOST_BYTES] == content[:MOST_BYTES]:
                exposed.append(address)
    found = Found(url, exposed, is_answered, clock())
    with suppress(OSError):
        (instance / FOUND).write_text(json.dumps(found._asdict()))
        (instance / FOUND).chmod(0o600)
    return found


def last_found(instance: Path) -> Found | None:
    """The result of the last `look`, or None if there was none or its file is damaged."""
    try:
        found = Found(**json.loads((instance / FOUND).read_text()))
        return found._replace(url=str(found.url), exposed=list(map(str, found.exposed)), at=float(found.at))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _private_files(instance: Path) -> Iterator[tuple[Path, bytes]]:
    canary = instance / FILE
    if not canary.exists() or not canary.stat().st_size:  # an empty file equals any other empty answer
        draft = os.open(canary, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.write(draft, f"This file must not be handed out. {secrets.token_hex(16)}\n".encode())
        os.close(draft)
    for path in (canary, PROGRAM):
        yield path, path.read_bytes()


def _addresses(url: str, path: Path) -> Iterator[str]:
    """The URLs of the file, below the host and below the site, if one of its folders were the web root."""
    parts = urlsplit(url)
    roots = dict.fromkeys((f"{parts.scheme}://{parts.netloc}/", url.rstrip("/") + "/"))
    names = path.absolute().parts[1:]
    for length in range(1, min(len(names), FOLDERS) + 1):
        for root in roots:
            yield root + quote("/".join(names[-length:]))
