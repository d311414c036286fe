"""Whether a POST comes from the chat's own pages: tokens, Origin, and what browsers say of the page that sends."""

import hmac

from flask import current_app, g, request, session

from chat.core.errors import N_, ChatError
from chat.web import cookies, incoming
from chat.web.identity import bearer_key, has_bearer, who

OPERATORS = {"metrics.metrics"}  # pages that ask for the operator's own key, which is no bot's
SIGN_OUT = "auth.sign_out"


def csrf_token() -> str:
    """What a POST of this browser must bring along; it holds until somebody signs in or out there."""
    made_from = _token_is_made_from()
    if made_from is None:
        cookies.begin_seed()
        made_from = _token_is_made_from()
    if g.get("token_made_from") != made_from:  # a page has it in each of its forms
        g.token_made_from, g.token = made_from, _token(f"{made_from}")
    return str(g.token)


def csrf_token_of(key: str) -> str:
    """The same for the session of this key, which the browser is about to be given."""
    return _token(browser_of(key))


def _token(made_from: str) -> str:
    return hmac.digest(str(current_app.secret_key).encode(), f"csrf {made_from}".encode(), "sha256").hex()


def _token_is_made_from() -> str | None:
    """The key of this browser's session, else the seed that a visitor was given, so that nobody else's token fits."""
    seed, key = session.get(cookies.SEED), cookies.sent(cookies.SESSION)
    if key:
        return browser_of(key)
    return f"visitor {seed}" if seed else None


def browser() -> str | None:
    """What nobody but this browser, or bot, can send: a session's key, a visitor's seed, a bot's key."""
    return f"bot {bearer_key()}" if has_bearer() else _token_is_made_from()


def browser_of(key: str) -> str:
    """The same for a browser that has been given this session's key."""
    return f"session {key}"


_STALE = N_("This page expired. Send it again.")
_NO_COOKIE = N_(
    "This browser is blocking cookies, and the chat needs one to know who you are. "
    "Allow cookies for this site, then send it again."
)
_SIGNED_OUT = N_("You're no longer signed in. Pick a name, then send it again.")


def check_post(is_repeat: bool = False) -> None:
    """Refuse a POST that another site's page may have made: ChatError `forbidden`, `csrf` or `sign_in`.

    What the browser says of the page that sends decides where it says anything; the token always, but for a form that
    this browser has sent before: its id proves as much. A bot's key makes both needless: no browser adds it.
    """
    if has_bearer():
        if request.endpoint not in OPERATORS:
            who()  # a wrong key is refused before anything is written
        return
    if request.method != "POST":
        return
    request.get_data()  # all of it, also where the view has no use for it; it is parsed only by whoever needs a field
    if _is_from_elsewhere():
        raise ChatError("forbidden", N_("This came from another site. Send it from the chat's own page."))
    # Another tab was first: no harm in it.
    is_out_already = request.endpoint == SIGN_OUT and bool(session) and not cookies.sent(cookies.SESSION)
    if not is_repeat and not is_out_already and not _token_fits():
        raise _refused_token()


def _token_fits() -> bool:
    if _token_is_made_from() is None:
        return False
    token = request.headers.get("X-CSRF-Token") or incoming.form().get("csrf_token", "")
    return hmac.compare_digest(token.encode(errors="surrogateescape"), csrf_token().encode())


def _refused_token() -> ChatError:
    """Why no token fits, and what to do next. A session's cookie that is gone took the token of its pages along."""
    if cookies.has_refused_key():
        return ChatError("sign_in", _SIGNED_OUT)
    return ChatError("csrf", _NO_COOKIE if _token_is_made_from() is None else _STALE)


def _is_from_elsewhere() -> bool:
    """Whether the browser says that a page of another origin sends this; an Origin of `null` says nothing.

    https://www.w3.org/TR/fetch-metadata/: `same-site` is a sibling host, or another port of this one.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin", "null")
    if origin != "null":
        return not _is_own(origin)
    referer = request.headers.get("Referer", "")
    return referer.startswith(("http://", "https://")) and not _is_own("/".join(referer.split("/", 3)[:3]))


def _is_own(origin: str) -> bool:
    """Whether this is the site's own. Where no HTTPS is known of, a proxy may have kept the scheme to itself."""
    scheme, _, host = origin.partition("://")
    schemes = ("https",) if request.is_secure else ("http", "https")
    return scheme in schemes and host.lower() == request.host.lower()
