"""One key for all hosts of a site: what one of them has signed, the others must recognise."""

from chat.core.config import Config
from chat.core.errors import N_, ChatError
from chat.runtime import secret
from chat.store import Store, Transaction
from chat.store.tables import facts

FACT = "key_fingerprint"


def check(store: Store, config: Config) -> None:
    """Raise ChatError `busy` where this host has another key than the first one had; makes the key if there is none.

    A chat on one machine has but one, which can be replaced by deleting its file.
    """
    if store.broker() is None:
        return
    mine = _fingerprint(config)
    with store.read() as connection:
        known = facts.get(connection, FACT)
    if (known or store.write(_note_first, mine)) != mine:
        message = N_("This host has another key than the site. Copy the file secret from another host, or set the same "
                     "CHAT_SECRET on all of them.")
        raise ChatError("busy", message, retry_after_seconds=60)


def accept(tx: Transaction, config: Config) -> None:
    """Make this host's key the site's; what was signed with another one is worth nothing any more."""
    facts.put(tx, FACT, _fingerprint(config))


def _note_first(tx: Transaction, mine: str) -> str:
    """Of two hosts that start a chat at once, the first one's counts."""
    known = facts.get(tx.connection, FACT)
    if known is None:
        facts.put(tx, FACT, mine)
    return known or mine


def _fingerprint(config: Config) -> str:
    return secret.fingerprint_of(secret.of(config.instance, config.secret))
