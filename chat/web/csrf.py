"""Whether a POST comes from the chat's own pages: by its token, `Origin`, `Sec-Fetch-Site` and `Referer`."""

import hmac

from flask import current_app, g, request, session

from chat.core.errors import N_, ChatError
from chat.web import cookies, incoming
from chat.web.identity import bearer_key, has_bearer, who

OPERATORS = {"metrics.metrics"}  # endpoints whose Bearer key is the operator's, not a bot's
SIGN_OUT = "auth.sign_out"


def csrf_token() -> str:
    """The CSRF token for this browser's POSTs, valid until somebody signs in or out there."""
    made_from = _token_is_made_from()
    if made_from is None:
        cookies.begin_seed()
        made_from = _token_is_made_from()
    if g.get("token_made_from") != made_from:  # each form of a page has it
        g.token_made_from, g.token = made_from, _token(f"{made_from}")
    return str(g.token)


def csrf_token_of(key: str) -> str:
    """The CSRF token for the session with this key, which the browser is about to be given."""
    return _token(browser_of(key))


def _token(made_from: str) -> str:
    return hmac.digest(str(current_app.secret_key).encode(), f"csrf {made_from}".encode(), "sha256").hex()


def _token_is_made_from() -> str | None:
    """The secret that the browser's token is made from: a session's key or a visitor's seed; None without cookies."""
    seed, key = session.get(cookies.SEED), cookies.sent(cookies.SESSION)
    if key:
        return browser_of(key)
    return f"visitor {seed}" if seed else None


def browser() -> str | None:
    """What identifies this browser or bot and nobody else can send: a session's key, a visitor's seed, a bot's key.

    None without cookies.
    """
    return f"bot {bearer_key()}" if has_bearer() else _token_is_made_from()


def browser_of(key: str) -> str:
    """What `browser` returns for a browser that has been given this session's key."""
    return f"session {key}"


_STALE = N_("This page expired. Send it again.")
_NO_COOKIE = N_(
    "This browser is blocking cookies, and the chat needs one to know who you are. "
    "Allow cookies for this site, then send it again."
)
_SIGNED_OUT = N_("You're no longer signed in. Pick a name, then send it again.")


def check_post(is_repeat: bool = False) -> None:
    """Refuse a POST that another site's page may have sent.

    The browser's headers about the sending page must fit if there are any. The token must always fit, except for a form
    that this browser repeats, whose id proves as much. With a bot's key neither is checked, because no browser adds
    one. Raises ChatError `forbidden`, `csrf`, `sign_in` if the session's cookie is gone or the bot's key is wrong, and
    what `incoming.form` raises.
    """
    if has_bearer():
        if request.endpoint not in OPERATORS:
            who()  # a wrong key is refused before anything is written
        return
    if request.method != "POST":
        return
    request.get_data()  # all of it, even if the view does not need it; it is parsed only when a field is needed
    if _is_from_elsewhere():
        raise ChatError("forbidden", N_("This came from another site. Send it from the chat's own page."))
    # Another tab has signed out already, which is harmless.
    is_out_already = request.endpoint == SIGN_OUT and bool(session) and not cookies.sent(cookies.SESSION)
    if not is_repeat and not is_out_already and not _token_fits():
        raise _refused_token()


def _token_fits() -> bool:
    if _token_is_made_from() is None:
        return False
    token = request.headers.get("X-CSRF-Token") or incoming.form().get("csrf_token", "")
    return hmac.compare_digest(token.encode(errors="surrogateescape"), csrf_token().encode())


def _refused_token() -> ChatError:
    """Why no token fits, and what to do next. Without the session's cookie, the tokens of its pages are void."""
    if cookies.has_refused_key():
        return ChatError("sign_in", _SIGNED_OUT)
    return ChatError("csrf", _NO_COOKIE if _token_is_made_from() is None else _STALE)


def _is_from_elsewhere() -> bool:
    """Whether the browser says that a page of another origin sends this; an Origin of `null` counts as none.

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
    """Whether this is the site's own origin. Without HTTPS both schemes count: a proxy may not have forwarded it."""
    scheme, _, host = origin.partition("://")
    schemes = ("https",) if request.is_secure else ("http", "https")
    return scheme in schemes and host.lower() == request.host.lower()
