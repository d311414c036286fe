"""The site's secret key: it signs cookies and forms, and makes file names that nobody can guess.

It is in a file of each host's instance, unless the operator has set it.
"""

import hmac
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

FILE = "secret"
BYTES = 32
FORM = re.compile(rb"[0-9a-f]{%d}\s*" % (2 * BYTES))  # an editor may have ended the line
MARK_LETTERS = 8  # enough to distinguish the few sites of one host
DELETE = "delete it and a new one is made: everyone is signed out then, and must enter the shared password again"


class SecretError(Exception):
    """The key cannot be used, which prevents the start: one sentence with its path and what to do."""


def of(instance: Path, chosen: str) -> str:
    """The key that was chosen, or that of the chat in this folder: made on the first start and the same ever after.

    It is 64 hexadecimal digits. Raises SecretError for a damaged one, because with an empty or known key anybody could
    sign.
    """
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)  # in any case: other things will be kept there, too
    if chosen:
        return chosen
    path = instance / FILE
    try:
        return _read(path)
    except FileNotFoundError:
        _make(path)
        return _read(path)


def mark_of(key: str) -> str:
    """A public mark of the key, which distinguishes this site's cookies from those of other chats on the same host."""
    return _derived(key, "names of cookies")[:MARK_LETTERS]


def channel_of(key: str) -> str:
    """The site's own channel on a server that several sites use to reach their hosts."""
    return f"longwave:{_derived(key, 'channel of the relay')[:32]}"


def fingerprint_of(key: str) -> str:
    """What may be kept to recognise the key, to the letter, but is no help in finding it."""
    return hmac.digest(key.encode(), b"fingerprint", "sha256").hex()


def code_of(key: str, seed: str) -> str:
    """A code that only those with the key can make from the seed."""
    return _derived(key, f"code {seed}")[:32]


def _derived(key: str, purpose: str) -> str:
    return hmac.digest(key.strip().encode(), purpose.encode(), "sha256").hex()


def check(instance: Path, chosen: str) -> None:
    """Raise SecretError if the key is damaged; unlike `of`, make none if there is none."""
    if chosen:
        return
    with suppress(FileNotFoundError):
        _read(instance / FILE)


def problem(instance: Path, chosen: str) -> str:
    """What is wrong with the key and what to do, in one sentence; empty if nothing is, or if there is no key yet."""
    if chosen:
        return ""
    path = instance / FILE
    try:
        check(instance, chosen)
    except SecretError as error:
        return str(error)
    if path.exists() and path.stat().st_mode & 0o066 and instance.stat().st_mode & 0o011:
        return f"Other users of this machine can open {path}, the key of this chat; type: chmod 700 {instance}"
    return ""


def _read(path: Path) -> str:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SecretError(f"{path}, the key of this chat, can't be read ({error.strerror}); fix that.") from None
    if not FORM.fullmatch(key):
        raise SecretError(f"{path}, the key of this chat, is damaged; restore it from a backup, or {DELETE}.")
    return key.decode()


def _make(path: Path) -> None:
    """Write a key to the disk, then give the file its name; if another process was first, its key stays."""
    draft = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, secrets.token_hex(BYTES).encode())
        os.fsync(file)  # a name that outlives a power cut while its text does not would be a key of nothing
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.close(file)
        draft.unlink()
