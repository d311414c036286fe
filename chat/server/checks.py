"""What `longwave check` examines: each finding says whether all is well, and if not, what to do."""

from collections.abc import Iterator
from urllib.parse import urljoin

from chat.core.config import SETTINGS, Config
from chat.core.errors import ChatError
from chat.core.findings import Finding
from chat.domain import site_key
from chat.realtime.watermarks import Watermarks
from chat.runtime import secret
from chat.server import capacity, exposure, host_report
from chat.store import Store, Transaction, trouble
from chat.store.tables import facts
from chat.store.tables import inbox as inbox_table

REFUSED_SHOWN = 20


def findings(config: Config, url: str = "") -> Iterator[Finding]:
    """Check one thing after another; the site itself, by HTTP, only if its `url` is given or known."""
    yield _settings(config)
    yield _secret(config)
    yield _open_files()
    yield from _host(config)
    yield _canary(config, url)
    try:
        yield from _database(config, url)
    except (ChatError, OSError) as error:
        yield Finding(False, f"The database in {config.instance}: {error}")
    except trouble.DatabaseError as error:
        yield Finding(False, error.words)
    except secret.SecretError:
        pass  # the finding about the key says it


def _database(config: Config, url: str) -> Iterator[Finding]:
    store = Store(config)
    try:
        if not store.exists():
            yield Finding(False, f"There's no database in {config.instance} yet. Create one with: longwave upgrade")
            return
        store.check()
        site_key.check(store, config)
        store.write(_try_to_write)
        yield Finding(True, f"The database {store.name} can be written.")
        yield from store.findings()
        yield from _inbox(store)
        yield from _heads(config, store, url)
    finally:
        store.stop()


def _settings(config: Config) -> Finding:
    changed = [
        setting.name
        for setting in SETTINGS
        if setting.name != "CHAT_INSTANCE" and getattr(config, setting.attribute) != setting.check.read(setting.default)
    ]
    return Finding(True, f"The settings are valid. Changed from the defaults: {', '.join(changed) or 'none'}.")


def _secret(config: Config) -> Finding:
    problem = secret.problem(config.instance, config.secret)
    return Finding(not problem, problem or "The key that signs cookies and forms is private.")


def _open_files() -> Finding:
    files = capacity.open_files_allowed()
    if files is None or files >= capacity.OPEN_FILES:
        return Finding(True, f"This user may open {files if files is not None else 'any number of'} files at once.")
    advice = f"For more than {capacity.readers(None)} readers in one process, type: ulimit -n {capacity.OPEN_FILES}"
    return Finding(True, f"This user may open only {files} files at once. {advice}")


def _host(config: Config) -> Iterator[Finding]:
    """What the chat has noted about its host: this command may run on another one."""
    seen = host_report.last_seen(config.instance)
    if seen is None:
        yield Finding(True, "What kind of server this is will be known after the chat's first request.")
    else:
        yield from (Finding(True, str(sentence)) for sentence in seen.words())


def _canary(config: Config, url: str) -> Finding:
    """Whether private files can be downloaded from `url`, or else from where the owner last opened their page."""
    earlier = exposure.last_found(config.instance)
    url = url or (earlier.url if earlier is not None else "")
    if not url:
        return Finding(True, "To check that private files can't be downloaded, run: longwave check --url https://…")
    found = exposure.look(config.instance, url)
    if found.exposed:
        many = ", ".join(found.exposed)
        return Finding(False, f"Anyone can download private files: {many}. Move the folder out of the web root.")
    if not found.is_answered:
        return Finding(True, f"{url} didn't answer, so it's unknown whether it serves private files.")
    return Finding(True, f"{url} serves no private files.")


def _heads(config: Config, store: Store, url: str) -> Iterator[Finding]:
    """Whether the web server serves head files at the address where private files were looked for."""
    heads, seen = Watermarks(config, store), host_report.last_seen(config.instance)
    earlier = exposure.last_found(config.instance)
    site = url or (earlier.url if earlier is not None else "")
    if heads.is_used and site:
        found = heads.look(urljoin(f"{site.rstrip('/')}/", config.heads_url))
        yield Finding(found.is_well, str(found.words))
    elif heads.is_used:
        yield Finding(True, "To check that the web server serves head files, run: longwave check --url https://…")
    elif seen is not None and seen.readers == 0:
        yield Finding(True, "Everyone polls here, and every poll is a request: CHAT_HEADS_DIR would save most of them.")


def _try_to_write(tx: Transaction) -> None:
    facts.put(tx, "healthy_at", tx.now)


def _inbox(store: Store) -> Iterator[Finding]:
    with store.read() as connection:
        refused = inbox_table.refused(connection, REFUSED_SHOWN)
    for row_id, reason in refused:
        yield Finding(False, f"Row {row_id} of the inbox wasn't posted: {reason}")
    if not refused:
        yield Finding(True, "Everything in the inbox could be posted.")
