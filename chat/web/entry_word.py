"""The entry word: asked once of every browser, before anything is shown."""

import hashlib
import hmac

from flask import session

KEY = "entry"


def was_said(word: str) -> bool:
    """Whether this browser has given the current word, or there is none. A changed word is asked for again."""
    return not word or session.get(KEY) == _mark(word)


def say(said: str, word: str) -> bool:
    """Note in the browser's cookie that it gave the word; returns False if what was said is not the word."""
    if not hmac.compare_digest(said.strip().encode(errors="surrogatepass"), word.encode()):
        return False
    session[KEY] = _mark(word)
    return True


def _mark(word: str) -> str:
    """What the signed cookie contains: enough to tell words apart, but not the word."""
    return hashlib.sha256(word.encode()).hexdigest()[:16]
