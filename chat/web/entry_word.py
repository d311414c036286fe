"""The shared password: every browser is asked for it once, before anything is shown."""

import hashlib
import hmac

from flask import session

KEY = "entry"


def was_given(word: str) -> bool:
    """Whether this browser has given the current password, or there is none. A changed one must be given again."""
    return not word or session.get(KEY) == _mark(word)


def accept(typed: str, word: str) -> bool:
    """Note in the browser's cookie that it gave the password; false, and nothing noted, if `typed` is a wrong one."""
    if not hmac.compare_digest(typed.strip().encode(errors="surrogatepass"), word.encode()):
        return False
    session[KEY] = _mark(word)
    return True


def _mark(word: str) -> str:
    """What the signed cookie contains: enough to distinguish passwords, but not the password."""
    return hashlib.sha256(word.encode()).hexdigest()[:16]
