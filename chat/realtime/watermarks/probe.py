"""Whether the web server serves watermark files but no list of them, tried by requests as a reader makes them."""

import secrets
from collections.abc import Callable
from typing import NamedTuple

from chat.core.errors import N_, Sentence
from chat.realtime.watermarks.folder import Folder

Fetch = Callable[[str], bytes | None]


class Look(NamedTuple):
    """What was found: why no file could be written, whether one was served, and whether anybody can list them."""

    url: str
    problem: str
    is_served: bool
    is_listed: bool

    @property
    def is_well(self) -> bool:
        """Whether readers can use the files and nobody can list them."""
        return self.is_served and not self.is_listed

    @property
    def words(self) -> Sentence:
        """The result as a sentence for the operator."""
        if self.problem:
            text = N_("Head files can't be written, so readers ask the chat itself: %(problem)s.")
        elif not self.is_served:
            text = N_("The web server doesn't serve head files at %(url)s, so readers ask the chat itself.")
        elif self.is_listed:
            text = N_("The web server lists all head files at %(url)s. Turn off directory listings.")
        else:
            text = N_("The web server serves head files at %(url)s, so most reading needs no request to the chat.")
        return Sentence(text, {"url": self.url, "problem": self.problem})


def look(folder: Folder, name: str, url: str, fetch: Fetch) -> Look:
    """Write a file of this name, request it below the folder's address `url`, and remove it. Never raises OSError."""
    number = secrets.randbits(32)
    try:
        folder.make()
        folder.put(name, number)
        try:
            is_served = fetch(f"{url}/{name}") == f"{number}\n".encode()
            listing = is_served and fetch(f"{url}/") or b""
        finally:
            folder.withdraw(name)
    except OSError as error:
        return Look(url, str(error), False, False)
    return Look(url, "", is_served, name.encode() in listing)
