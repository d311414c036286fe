"""Who is asking: a visitor, a person by their session's cookie, or a bot by its key; and what that lets them do."""

import hmac
import secrets
from typing import Any, NamedTuple

from flask import Response, current_app, g, request, session

from chat.core import addresses, log_events, shares, times
from chat.core.errors import N_, ChatError
from chat.domain import bots, sessions, site_settings
from chat.server.process import Parts
from chat.web import cookies, entry_word, incoming

GIVEN, SEED = "given", "csrf_token"  # in the signed cookie: that a session was given; what a visitor's tokens rest on
COOKIE_SECONDS = sessions.SESSION_DAYS * 86400
VISIT_HOURS = 1  # how often a visit is written down
MOVE_MINUTES = 1  # how often at most where the address differs: a browser may alternate between IPv4 and IPv6
USER_AGENT_CHARACTERS = 200
OPERATORS = {"metrics.metrics"}  # pages that ask for the operator's own key, which is no bot's
SIGN_OUT = "auth.sign_out"


class Who(NamedTuple):
    """The user, or None for a visitor; `lost_name` is what a guest was called whose name is now another's."""

    user: Any = None
    session_id: int | None = None
    is_bot: bool = False
    lost_name: str | None = None

    @property
    def own_channels(self) -> list[str]:
        """The channels of this reader itself: what ends a session, a ban."""
        own = [f"user:{self.user.id}"] if self.user is not None else []
        if self.session_id is not None:
            own.append(f"session:{self.session_id}")
        if self.user is not None and (self.is_bot or self.user.is_owner):
            return own  # no ban of others meets them, and no entry word
        here = network()
        return [*own, log_events.WORD_CHANNEL] + ([log_events.network_channel(here)] if here is not None else [])


def parts() -> Parts:
    """What the app of this request is joined from."""
    return current_app.extensions["chat"]


def who() -> Who:
    """Who asks this request. Raises ChatError `sign_in` for a bot's key that is wrong."""
    if "who" not in g:
        g.who = _find_bot() if has_bearer() else _find_person()
    return g.who


def ask_nothing() -> None:
    """Let the page of an error be a visitor's where nobody can be looked up."""
    g.setdefault("who", Who())


def forget_who() -> None:
    """Let `who` be asked anew, after a request was held: much may have happened since it began."""
    g.pop("who", None)


def user_required() -> Any:
    """The user who asks. Raises ChatError `sign_in` for a visitor, and what `reader_required` raises."""
    user = reader_required().user
    if user is None:
        raise ChatError("sign_in", N_("Pick a name first, so others know who you are."))
    return user


def owner_required() -> Any:
    """The owner who asks, or ChatError `not_found`: nobody else is told that there is such a page."""
    user = who().user
    if user is None or not user.is_owner:
        raise ChatError("not_found", N_("There's nothing at this address. See all rooms on the home page."))
    return user


def operator_required() -> None:
    """Whoever has the operator's token, or sits at the machine itself. Raises ChatError `sign_in` or `not_found`."""
    if has_bearer():
        token = parts().operators_config.metrics_token
        if not token or not hmac.compare_digest(_bearer_key().encode(), token.encode()):
            raise ChatError("sign_in", N_("The token doesn't match CHAT_METRICS_TOKEN."))
    elif not addresses.is_direct_from_here(request.environ):
        raise ChatError("not_found", N_("There's nothing at this address. See all rooms on the home page."))


def reader_required() -> Who:
    """Whoever may read open rooms: everybody, unless the site is not public.

    Raises ChatError `sign_in`, `banned`, or `entry_word` where that was not said yet.
    """
    newcomer_required()
    if who().user is None and not parts().config.public:
        raise ChatError("sign_in", N_("Pick a name to see this chat."))
    return who()


def newcomer_required() -> None:
    """Whoever may come in at all. Raises ChatError `banned` or `entry_word`."""
    asking = who()
    if asking.user is not None and asking.user.is_owner:
        return
    user_id = asking.user.id if asking.user is not None else None
    ban = parts().site.ban_of(user_id, None if asking.is_bot else network())
    if ban is not None:
        raise _banned(ban)
    if not asking.is_bot and not entry_word.was_said(parts().config.entry_word):
        raise ChatError("entry_word", N_("Enter the shared password on the home page first."))


def _banned(ban: site_settings.Ban) -> ChatError:
    message = N_("You're banned until %(until)s.") if ban.until else N_("You're banned.")
    return ChatError("banned", message, reason=ban.reason, until=ban.until)


def network() -> str | None:
    """Where the request comes from, as far as it counts for limits and bans."""
    return addresses.network_of(request.remote_addr)


def networks() -> tuple[str, ...]:
    """The same, and the wider network around it, where it is known that one sender may have all of that."""
    return addresses.networks_of(request.remote_addr)


def holders() -> tuple[str, ...]:
    """Whose shares of the places for readers this request takes: the person's, or a visitor's networks'."""
    if not parts().config.limits:
        return ()
    user = who().user
    if user is not None:
        return (f"{shares.PERSON}{user.id}",)
    return networks() if parts().network_of(request.environ) is not None else ()


def where() -> sessions.From:
    """What is kept of where a session is used."""
    return sessions.From(request.remote_addr, request.headers.get("User-Agent", "")[:USER_AGENT_CHARACTERS])


def has_bearer() -> bool:
    said = request.environ.get("HTTP_AUTHORIZATION")  # asked several times of every request, and seldom there
    return said is not None and said.partition(" ")[0].lower() == "bearer"


def _bearer_key() -> str:
    return request.headers["Authorization"].partition(" ")[2].strip()


def _find_bot() -> Who:
    key = _bearer_key()
    with parts().store.glance() as connection:
        bot = bots.find_bot(connection, key)
    if bot is None:
        raise ChatError("sign_in", N_("This key isn't valid. Ask the owner for a new one."))
    return Who(bot, is_bot=True)


def _find_person() -> Who:
    key = cookies.sent(cookies.SESSION)
    if not key:
        return Who()
    store = parts().store
    with store.glance() as connection:
        user = sessions.find_by_session(connection, key)
    if user is None:
        return Who()
    if user.released_at is not None:
        return Who(lost_name=user.name)
    is_back = user.session_seen_at < times.ago(hours=VISIT_HOURS)
    has_moved = _has_moved(user)
    if is_back or has_moved:
        _note_visit(user)
    must_renew = is_back or cookies.name_of(cookies.SESSION) not in request.cookies
    if must_renew or has_moved:
        g.renewed_key, g.must_renew = key, must_renew
    return Who(user, user.session_id)


def _has_moved(user: Any) -> bool:
    """Whether the session is used from another address than the one that was noted, a while ago at least."""
    return user.session_address != request.remote_addr and user.session_seen_at < times.ago(minutes=MOVE_MINUTES)


def _note_visit(user: Any) -> None:
    try:
        parts().store.write(sessions.visit, user.id, user.session_id, where())
    except ChatError as error:
        if error.code != "busy":
            raise
        # Nothing can be written now: whoever only reads is let in, and the visit is noted by the next request.


def remember(answer: Response, key: str) -> None:
    """Let the browser keep the session's key; the other cookie says that it was given one."""
    session[GIVEN] = True
    session.pop(SEED, None)
    answer.set_cookie(
        cookies.name_of(cookies.SESSION),
        key,
        max_age=COOKIE_SECONDS,
        path=cookie_path(),
        secure=request.is_secure,
        httponly=True,
        samesite=same_site(),
    )


def has_refused_key() -> bool:
    """Whether this browser was given a session's key and does not send it, though it keeps the other cookie."""
    return GIVEN in session and not cookies.sent(cookies.SESSION)


def forget(answer: Response) -> None:
    """Let the browser drop the session's key, under whatever name; it keeps the other cookie, and is a visitor's."""
    session.pop(GIVEN, None)
    _begin_seed()
    for name in cookies.names_of_session(cookies.sent(cookies.SESSION)):
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
    return parts().config.cookie_samesite if request.is_secure else "Lax"


def cookie_path() -> str:
    """Where the site lies, so that two chats on one host do not share cookies."""
    return request.script_root + "/"


def heads_url() -> str:
    """The path of the folder of head files, as this request's site is reached."""
    url = parts().operators_config.heads_url
    return url if url.startswith("/") else f"{request.script_root}/{url}"


def csrf_token() -> str:
    """What a POST of this browser must bring along; it holds until somebody signs in or out there."""
    made_from = _token_is_made_from()
    if made_from is None:
        _begin_seed()
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
    seed, key = session.get(SEED), cookies.sent(cookies.SESSION)
    if key:
        return browser_of(key)
    return f"visitor {seed}" if seed else None


def browser() -> str | None:
    """What nobody but this browser, or bot, can send: a session's key, a visitor's seed, a bot's key."""
    return f"bot {_bearer_key()}" if has_bearer() else _token_is_made_from()


def browser_of(key: str) -> str:
    """The same for a browser that has been given this session's key."""
    return f"session {key}"


def _begin_seed() -> None:
    session.setdefault(SEED, secrets.token_urlsafe(16))


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
    if has_refused_key():
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
