"""The entry word: asked once of every browser, before anything is shown."""

import hashlib
import hmac

from flask import session

KEY = "entry"


def was_said(word: str) -> bool:
    """Whether this browser has said the word that is in force; a new word is asked for anew."""
    return not word or session.get(KEY) == _mark(word)


def say(said: str, word: str) -> bool:
    """Note in the browser's cookie that it said the word; false when that was another one."""
    if not hmac.compare_digest(said.strip().encode(errors="surrogatepass"), word.encode()):
        return False
    session[KEY] = _mark(word)
    return True


def _mark(word: str) -> str:
    """What the signed cookie holds: enough to tell one word from the next, and not the word."""
    return hashlib.sha256(word.encode()).hexdigest()[:16]
