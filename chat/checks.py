"""What `longwave check` looks at: each finding says whether it is well, and if not, what to do."""

from collections.abc import Iterator
from typing import NamedTuple

from chat import capacity
from chat.config import SETTINGS, Config
from chat.errors import ChatError
from chat.store import Store, Transaction, creation, facts, inbox

REFUSED_SHOWN = 20


class Finding(NamedTuple):
    is_well: bool
    words: str


def findings(config: Config) -> Iterator[Finding]:
    """Look at everything, one thing after another."""
    yield _settings(config)
    yield _open_files()
    if not creation.exists(config):
        yield Finding(False, f"There is no database in {config.instance} yet. Make one with: longwave upgrade")
        return
    store = Store(config)
    try:
        store.check()
        store.write(_try_to_write)
        yield Finding(True, f"The database {store.path} can be written.")
        yield from _inbox(store)
    except ChatError as error:
        yield Finding(False, f"The database {store.path}: {error}")
    finally:
        store.stop()


def _settings(config: Config) -> Finding:
    changed = [
        setting.name
        for setting in SETTINGS
        if setting.name != "CHAT_INSTANCE" and getattr(config, setting.attribute) != setting.check.read(setting.default)
    ]
    return Finding(True, f"The settings are good; changed from their defaults: {', '.join(changed) or 'none'}.")


def _open_files() -> Finding:
    files = capacity.open_files_allowed()
    if files is None or files >= capacity.OPEN_FILES:
        return Finding(True, f"This user may open {files if files is not None else 'any number of'} files at once.")
    advice = f"For more than {capacity.readers(None)} readers in one process, type: ulimit -n {capacity.OPEN_FILES}"
    return Finding(True, f"This user may open only {files} files at once. {advice}")


def _try_to_write(tx: Transaction) -> None:
    facts.put(tx, "healthy_at", tx.now)


def _inbox(store: Store) -> Iterator[Finding]:
    with store.read() as connection:
        refused = inbox.refused(connection, REFUSED_SHOWN)
    for row_id, reason in refused:
        yield Finding(False, f"Row {row_id} of the inbox was not posted: {reason}")
    if not refused:
        yield Finding(True, "The inbox holds nothing that could not be posted.")
