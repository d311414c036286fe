"""What the owner can change while the chat runs: the settings in force, and the bans that stand.

Every process keeps both in memory and reads them anew when the log says that they changed
(`log_events.CHANGED`), so that no request pays for them.
"""

import dataclasses
import logging
import threading
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from chat.core import log_events, times
from chat.core.config import SETTINGS, Config
from chat.core.errors import N_, ChatError, ConfigError
from chat.domain.audit import actor_id
from chat.store import Store, Transaction, trouble
from chat.store.tables import acts, bans
from chat.store.tables import settings as setting_table
from chat.store.tables.bans import StandingBan
from chat.store.tables.users import User

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


class SiteSettings:
    """The settings in force and the bans, as of the last `reload`."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._operators = config
        self._reloading = threading.Lock()
        self.reload()

    def reload(self) -> None:
        """Read both anew."""
        with self._reloading:  # or a thread that read before another would put the older state in force after it
            self._reload()

    def _reload(self) -> None:
        with self._store.read() as connection:
            self.config = in_force(connection, self._operators)
            standing = bans.standing(connection, times.now())
        # The longest last, so that of two bans it is the one that is remembered.
        longest_last = sorted(standing, key=lambda ban: ban.until or "~")
        self._banned_users = {ban.user_id: ban for ban in longest_last}
        self._banned_networks = {ban.network: ban for ban in longest_last if ban.network}

    def ban_of(self, user_id: int | None, network: str | None) -> StandingBan | None:
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


def announce_change(tx: Transaction) -> None:
    """Let every process read settings and bans again."""
    tx.append(log_events.SITE, log_events.CHANGED, "{}")


# By the owner

# What is said of a wrong value: the setting by its name on the owner's page, and what it allows.
_ALLOWED = {
    "CHAT_SITE_NAME": N_("Chat name: enter 1 to 60 characters on one line."),
    "CHAT_WELCOME": N_("Welcome message: use 1000 characters or fewer."),
    "CHAT_ENTRY_WORD": N_("Shared password: use 100 characters or fewer on one line, or leave it blank."),
    "CHAT_ROOMS_BY": N_("Who can create rooms: choose “everyone” or “only the owner”."),
    "CHAT_KEEP_DAYS": N_("Delete messages after (days): enter a number from 1 to 36500, or “forever” to keep them."),
    "CHAT_LIMITS": N_("Flood control: choose “on” or “off”."),
    "CHAT_POSTS_PER_MINUTE": N_("Messages per person per minute: enter a number from 1 to 6000."),
}


def change_settings(tx: Transaction, owner: User | None, values: Mapping[str, str], config: Config) -> None:
    """Set what differs from what is in force, all or nothing; what equals the operator's `config` is theirs again.

    Raises ChatError `invalid` with the setting as field.
    """
    now = in_force(tx.connection, config)
    changed = set()
    for name in OWNERS:
        if name not in values:
            continue
        typed = str(values[name]).replace("\r\n", "\n").strip()
        attribute = BY_NAME[name].attribute
        value = _read_setting(name, typed)
        if value == getattr(now, attribute):
            continue
        setting_table.put(tx, name, None if value == getattr(config, attribute) else typed)
        acts.add(tx, actor_id(owner), "set", None, name)
        changed.add(name)
    if changed:
        announce_change(tx)
    if "CHAT_ENTRY_WORD" in changed:
        tx.append(log_events.WORD_CHANNEL, log_events.REVOKE, "{}")


def _read_setting(name: str, typed: str) -> Any:
    try:
        return read(name, typed)
    except ConfigError:
        raise ChatError("invalid", _ALLOWED[name], field=name) from None
