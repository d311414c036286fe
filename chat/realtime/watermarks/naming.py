"""The names of watermark files: nobody can guess one, and a new one is used when somebody may no longer read the room.

A name is an HMAC over the room, its epoch (`store.tables.epochs`) and the generation of the log (`progress.Done`).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from chat.core.config import Config
from chat.runtime import secret
from chat.store.tables.epochs import Epoch

OURS = re.compile(r"\.?[0-9a-f]{40}\.txt(\.[\d-]+)?")  # a file, and the draft that a killed process has left of one


class Naming:
    """Names made with the site's key and the settings that decide who may read: changing those changes all names."""

    def __init__(self, config: Config) -> None:
        self._key = f"{secret.of(config.instance, config.secret)} {config.public} {config.entry_word}".encode()

    def of_rooms(self, of_rooms: Mapping[int, Epoch], generation: str) -> dict[int, str]:
        """The name of each room's file in its epoch."""
        return {room_id: self._file(f"room {room_id} {epoch.mark} {generation}") for room_id, epoch in of_rooms.items()}

    def of_a_trial(self) -> str:
        """A name for a test file, different each time."""
        return self._file(f"trial {secrets.token_hex(8)}")

    def fingerprint(self, folder: Path) -> str:
        """A string that differs for another chat, another folder or another boot of the machine."""
        return self._signed(f"site {folder} {_boot_id()}")

    def _file(self, words: str) -> str:
        return f"{self._signed(words)}.txt"

    def _signed(self, words: str) -> str:
        return hmac.new(self._key, f"heads {words}".encode(), hashlib.sha256).hexdigest()[:40]


def _boot_id() -> str:
    """The kernel's id for this boot of the machine; empty if the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        return ""
