"""The two cookies: their current and earlier names, and how they are set, renewed and deleted.

Browsers send a host's cookies to each of its ports, so the names must tell the sites of one host apart.
"""

import secrets
from functools import lru_cache

from flask import Response, current_app, g, request, session

from chat.domain import sessions
from chat.web.context import lifecycle

SESSION = "longwave"  # holds the key of a session; both names end in the site's mark
TOKEN = "longwave_token"  # signed; visitors have it, too
GIVEN, SEED = "given", "csrf_token"  # in the signed cookie: that a session was given; the seed of a visitor's tokens
COOKIE_SECONDS = sessions.SESSION_DAYS * 86400
HOST_PREFIX = "__Host-"  # browsers accept such a cookie only from this host itself, over HTTPS


def name_of(cookie: str) -> str:
    """The current name of `SESSION` or `TOKEN`: with this site's mark, because other sites may be on the same host.

    If the site has a host to itself over HTTPS, with the prefix `__Host-` as well: then no page of a sibling host can
    plant the cookie.
    """
    return _names()[0][cookie]


def sent(cookie: str) -> str | None:
    """The value that the browser sends, or None. An older name counts only if there is no cookie with a newer one."""
    for names in _names():
        if any(name in request.cookies for name in names.values()):
            return request.cookies.get(names[cookie])
    return None


def names_of_session(key: str | None) -> set[str]:
    """All names under which the browser may have this session's key; another chat's key may be under an old one."""
    return {_names()[0][SESSION]} | {
        names[SESSION] for names in _names() if request.cookies.get(names[SESSION], key) == key
    }


def must_rename_token() -> bool:
    """Whether a visitor's token cookie must be set under its current name; a user's is renewed with the session's."""
    return "who" in g and name_of(TOKEN) not in request.cookies and not sent(SESSION)


def is_token_as_good() -> bool:
    """Whether the token cookie that counts is as hard to plant as one with the current name."""
    guarded = [names[TOKEN] for names in _names() if names[TOKEN].startswith(HOST_PREFIX)]
    return not guarded or any(name in request.cookies for name in guarded)


def _names() -> tuple[dict[str, str], ...]:
    """The names of both cookies, newest first, as maps from `SESSION` and `TOKEN`."""
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
    """Set the session's cookie, and note in the token cookie that the browser was given one."""
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
    """Whether this browser was given a session's cookie and does not send it, although it sends the token cookie."""
    return GIVEN in session and not sent(SESSION)


def forget(answer: Response) -> None:
    """Delete the session's cookie under all its names, and make the token cookie a visitor's."""
    session.pop(GIVEN, None)
    begin_seed()
    for name in names_of_session(sent(SESSION)):
        answer.delete_cookie(name, path=cookie_path(), secure=request.is_secure, httponly=True, samesite=same_site())


def renew(answer: Response) -> Response:
    """Set the session's cookie again if this visit has extended the session."""
    if "renewed_key" in g:
        remember(answer, g.renewed_key)
    return answer


def must_renew() -> bool:
    """Whether the answer to this request must set a cookie. After a mere change of address, a later one may."""
    return bool(g.get("must_renew"))


def same_site() -> str:
    """The cookies' `SameSite`: as configured over HTTPS, else `Lax`, because browsers refuse `None` without HTTPS."""
    return lifecycle().config.cookie_samesite if request.is_secure else "Lax"


def cookie_path() -> str:
    """The path of the site, so that two chats under one host do not share cookies."""
    return request.script_root + "/"


def begin_seed() -> None:
    """Give a visitor's browser the seed of its CSRF tokens, unless it has one."""
    session.setdefault(SEED, secrets.token_urlsafe(16))
