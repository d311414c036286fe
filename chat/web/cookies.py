"""Our cookies: what they are called and have been called, since browsers send a host's to each of its ports; and how
they are set, renewed and dropped.
"""

import secrets
from functools import lru_cache

from flask import Response, current_app, g, request, session

from chat.domain import sessions
from chat.web.context import process

SESSION = "longwave"  # the key of a session; both names end in the site's mark
TOKEN = "longwave_token"  # what is kept of a browser without a session, too: signed
GIVEN, SEED = "given", "csrf_token"  # in the signed cookie: that a session was given; what a visitor's tokens rest on
COOKIE_SECONDS = sessions.SESSION_DAYS * 86400
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


def remember(answer: Response, key: str) -> None:
    """Let the browser keep the session's key; the other cookie says that it was given one."""
    session[GIVEN] = True
    session.pop(SEED, None)
    answer.set_cookie(
        name_of(SESSION),
        key,
        max_age=COOKIE_SECONDS,
        path=cookie_path(),
        secure=request.is_secure,
        httponly=True,
        samesite=same_site(),
    )


def has_refused_key() -> bool:
    """Whether this browser was given a session's key and does not send it, though it keeps the other cookie."""
    return GIVEN in session and not sent(SESSION)


def forget(answer: Response) -> None:
    """Let the browser drop the session's key, under whatever name; it keeps the other cookie, and is a visitor's."""
    session.pop(GIVEN, None)
    begin_seed()
    for name in names_of_session(sent(SESSION)):
        answer.delete_cookie(name, path=cookie_path(), secure=request.is_secure, httponly=True, samesite=same_site())


def renew(answer: Response) -> Response:
    """Start the cookie's time anew on a visit, with the session's."""
    if "renewed_key" in g:
        remember(answer, g.renewed_key)
    return answer


def must_renew() -> bool:
    """Whether the answer to this request has to carry a cookie. After a mere change of address a later one may."""
    return bool(g.get("must_renew"))


def same_site() -> str:
    """With whose pages' requests the cookies go along; without HTTPS browsers refuse the wider word."""
    return process().config.cookie_samesite if request.is_secure else "Lax"


def cookie_path() -> str:
    """Where the site lies, so that two chats on one host do not share cookies."""
    return request.script_root + "/"


def begin_seed() -> None:
    session.setdefault(SEED, secrets.token_urlsafe(16))
