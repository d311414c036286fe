"""What our cookies are called, and have been called: browsers send a host's cookies to each of its ports."""

from functools import lru_cache

from flask import current_app, g, request

SESSION = "longwave"  # the key of a session; both names end in the site's mark
TOKEN = "longwave_token"  # what is kept of a browser without a session, too: signed
HOST_PREFIX = "__Host-"  # a browser takes such a cookie from this very host alone, by HTTPS


def name_of(cookie: str) -> str:
    """What the cookie is called here: with the mark of this site, because there may be others on the same host; where
    the site has a host to itself by HTTPS, with a prefix that browsers guard.

    A page of a sibling host can plant no cookie of such a name, only ones of the plain name.
    """
    return _names()[0][cookie]


def sent(cookie: str) -> str | None:
    """The cookie that the browser sends. One of an older name counts only until it has been given the next."""
    for names in _names():
        if any(name in request.cookies for name in names.values()):
            return request.cookies.get(names[cookie])
    return None


def names_of_session(key: str | None) -> set[str]:
    """All names under which the browser may have this session's key; another chat's may have an old one."""
    return {_names()[0][SESSION]} | {
        names[SESSION] for names in _names() if request.cookies.get(names[SESSION], key) == key
    }


def must_rename_token() -> bool:
    """Whether a visitor's cookie has an older name; with a session's it is renewed together with that."""
    return "who" in g and name_of(TOKEN) not in request.cookies and not sent(SESSION)


def is_token_as_good() -> bool:
    """Whether the token's cookie that counts could be planted no more easily than one of the name that it has now."""
    guarded = [names[TOKEN] for names in _names() if names[TOKEN].startswith(HOST_PREFIX)]
    return not guarded or any(name in request.cookies for name in guarded)


def _names() -> tuple[dict[str, str], ...]:
    """The names that both cookies have had, together: the one that they have now, then the one before, and so on."""
    return _names_of(current_app.config["COOKIE_MARK"], request.is_secure and not request.script_root)


@lru_cache
def _names_of(mark: str, is_guarded: bool) -> tuple[dict[str, str], ...]:
    prefixes = (HOST_PREFIX, "") if is_guarded else ("",)
    return tuple(
        {cookie: prefix + cookie + ending for cookie in (SESSION, TOKEN)}
        for prefix in prefixes
        for ending in (f"-{mark}", "")
    )
