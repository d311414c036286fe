"""What the owner can change while the chat runs: the settings in force, and the bans that stand.

Every process keeps both in memory and reads them anew when the log says that they changed (`CHANGED`), so that no
request pays for them.
"""

import dataclasses
import logging
import threading
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from chat.core import times
from chat.core.config import SETTINGS, Config
from chat.core.errors import ConfigError
from chat.core.log_events import CHANGED, SITE
from chat.store import Store, Transaction, trouble
from chat.store.tables import bans
from chat.store.tables import settings as setting_table

log = logging.getLogger(__name__)

# What the owner may set; the operator's value holds until then.
OWNERS = (
    "CHAT_SITE_NAME",
    "CHAT_WELCOME",
    "CHAT_ENTRY_WORD",
    "CHAT_ROOMS_BY",
    "CHAT_KEEP_DAYS",
    "CHAT_LIMITS",
    "CHAT_POSTS_PER_MINUTE",
)
BY_NAME = {setting.name: setting for setting in SETTINGS}


class Ban(NamedTuple):
    reason: str
    until: str | None


class Site:
    """The settings in force and the bans, as of the last `reload`."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._operators = config
        self._reloading = threading.Lock()
        self.reload()

    def reload(self) -> None:
        with self._reloading:  # or a thread that read before another would put the older state in force after it
            self._reload()

    def _reload(self) -> None:
        with self._store.read() as connection:
            self.config = in_force(connection, self._operators)
            standing = bans.standing(connection, times.now())
        # The longest last, so that of two bans it is the one that is remembered.
        longest_last = sorted(standing, key=lambda ban: ban.until or "~")
        self._banned_users = {ban.user_id: Ban(ban.reason, ban.until) for ban in longest_last}
        self._banned_networks = {ban.network: Ban(ban.reason, ban.until) for ban in longest_last if ban.network}

    def ban_of(self, user_id: int | None, network: str | None) -> Ban | None:
        """The ban that stands against this user, or against whoever comes from this network."""
        for ban in (self._banned_users.get(user_id or 0), self._banned_networks.get(network or "")):
            if ban is not None and (ban.until is None or ban.until > times.now()):
                return ban
        return None


def in_force(connection: Connection, config: Config) -> Config:
    """The operator's settings with the owner's over them."""
    changes: dict[str, Any] = {}
    for name, value in setting_table.all_set(connection).items():
        if name not in OWNERS:
            continue
        try:
            changes[BY_NAME[name].attribute] = read(name, value)
        except ConfigError as error:  # of another version, or of whoever had the database open
            trouble.complain(log, f"{name} is “{value[:80]}” in the table of settings, but must be {error}")
    return dataclasses.replace(config, **changes)


def read(name: str, value: str) -> Any:
    """The value of a setting from text; raises ConfigError with a sentence for whoever typed it."""
    setting = BY_NAME[name]
    try:
        return setting.check.read(value.strip())
    except (ValueError, KeyError):
        raise ConfigError(setting.check.allowed) from None


def tell(tx: Transaction) -> None:
    """Let every process read the site anew."""
    tx.append(SITE, CHANGED, "{}")
