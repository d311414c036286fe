"""Who sends the request: a visitor, a person with a session's cookie, or a bot with its key; and what they may do."""

import hmac
from typing import NamedTuple

from flask import g, request

from chat.core import addresses, log_events, shares, times
from chat.core.errors import N_, ChatError
from chat.domain import bots, sessions
from chat.store.tables.bans import StandingBan
from chat.store.tables.sessions import UserSession
from chat.store.tables.users import User
from chat.web import cookies, entry_word
from chat.web.context import process

VISIT_HOURS = 1  # how often at most a visit is written down
MOVE_MINUTES = 1  # how often if the address differs: a browser may alternate between IPv4 and IPv6
USER_AGENT_CHARACTERS = 200


class Who(NamedTuple):
    """The user, or None for a visitor; `lost_name` is the former name of a guest who has lost it to somebody else."""

    user: User | None = None
    session_id: int | None = None
    is_bot: bool = False
    lost_name: str | None = None

    @property
    def own_channels(self) -> list[str]:
        """The channels that concern this reader: the user's own, and those by which a session or ban ends streams."""
        own = [f"user:{self.user.id}"] if self.user is not None else []
        if self.session_id is not None:
            own.append(f"session:{self.session_id}")
        if self.user is not None and (self.is_bot or self.user.is_owner):
            return own  # neither a ban of their network nor the entry word applies to them
        here = network()
        return [*own, log_events.WORD_CHANNEL] + ([log_events.network_channel(here)] if here is not None else [])


def who() -> Who:
    """Who sends this request, looked up once. Raises ChatError `sign_in` for a wrong bot's key."""
    if "who" not in g:
        g.who = _find_bot() if has_bearer() else _find_person()
    return g.who


def ask_nothing() -> None:
    """Treat the sender as a visitor, for the page of an error when nobody can be looked up."""
    g.setdefault("who", Who())


def forget_who() -> None:
    """Let `who` look again, after a request was held: much may have changed since it began."""
    g.pop("who", None)


def user_required() -> User:
    """The user who sends this request. Raises ChatError `sign_in` for a visitor, and what `reader_required` raises."""
    user = reader_required().user
    if user is None:
        raise ChatError("sign_in", N_("Pick a name first, so others know who you are."))
    return user


def owner_required() -> User:
    """The owner who sends this request. Raises ChatError `not_found` for others, who need not know of the page."""
    user = who().user
    if user is None or not user.is_owner:
        raise ChatError("not_found", N_("There's nothing at this address. See all rooms on the home page."))
    return user


def operator_required() -> None:
    """Allow only the operator: by the metrics token, or by a direct connection from the machine itself.

    Raises ChatError `sign_in` for a wrong token and `not_found` for everybody else.
    """
    if has_bearer():
        token = process().operators_config.metrics_token
        if not token or not hmac.compare_digest(bearer_key().encode(), token.encode()):
            raise ChatError("sign_in", N_("The token doesn't match CHAT_METRICS_TOKEN."))
    elif not addresses.is_direct_from_here(request.environ):
        raise ChatError("not_found", N_("There's nothing at this address. See all rooms on the home page."))


def reader_required() -> Who:
    """Who sends this request, if they may read open rooms: everybody, unless the site is not public.

    Raises ChatError `sign_in`, and what `newcomer_required` raises.
    """
    newcomer_required()
    if who().user is None and not process().config.public:
        raise ChatError("sign_in", N_("Pick a name to see this chat."))
    return who()


def newcomer_required() -> None:
    """Allow everybody who may sign in. Raises ChatError `banned`, or `entry_word` until the browser has given it."""
    asking = who()
    if asking.user is not None and asking.user.is_owner:
        return
    user_id = asking.user.id if asking.user is not None else None
    ban = process().site_settings.ban_of(user_id, None if asking.is_bot else network())
    if ban is not None:
        raise _banned(ban)
    if not asking.is_bot and not entry_word.was_given(process().config.entry_word):
        raise ChatError("entry_word", N_("Enter the shared password on the home page first."))


def _banned(ban: StandingBan) -> ChatError:
    message = N_("You're banned until %(until)s.") if ban.until else N_("You're banned.")
    return ChatError("banned", message, reason=ban.reason, until=ban.until)


def network() -> str | None:
    """The network that the request comes from, for limits and bans; None if it is unknown."""
    return addresses.network_of(request.remote_addr)


def networks() -> tuple[str, ...]:
    """The same, followed by the wider network that one sender may have, if there is one (a /48 of IPv6)."""
    return addresses.networks_of(request.remote_addr)


def holders() -> tuple[str, ...]:
    """The holders whose share of the readers' places this request takes: the person, or a visitor's networks."""
    if not process().config.limits:
        return ()
    user = who().user
    if user is not None:
        return (f"{shares.PERSON}{user.id}",)
    return networks() if request.environ.get(addresses.NETWORK) is not None else ()


def where() -> sessions.From:
    """The address and user agent that are stored with a session."""
    return sessions.From(request.remote_addr, request.headers.get("User-Agent", "")[:USER_AGENT_CHARACTERS])


def has_bearer() -> bool:
    """Whether the request authenticates by a Bearer key, right or wrong."""
    header = request.environ.get("HTTP_AUTHORIZATION")  # checked several times per request, and seldom present
    return header is not None and header.partition(" ")[0].lower() == "bearer"


def bearer_key() -> str:
    """The key of a request that `has_bearer`."""
    return request.headers["Authorization"].partition(" ")[2].strip()


def _find_bot() -> Who:
    key = bearer_key()
    with process().store.glance() as connection:
        bot = bots.find_bot(connection, key)
    if bot is None:
        raise ChatError("sign_in", N_("This key isn't valid. Ask the owner for a new one."))
    return Who(bot, is_bot=True)


def _find_person() -> Who:
    key = cookies.sent(cookies.SESSION)
    if not key:
        return Who()
    store = process().store
    with store.glance() as connection:
        session = sessions.find_by_session(connection, key)
    if session is None:
        return Who()
    if session.user.released_at is not None:
        return Who(lost_name=session.user.name)
    is_back = session.session_seen_at < times.ago(hours=VISIT_HOURS)
    has_moved = _has_moved(session)
    if is_back or has_moved:
        _note_visit(session)
    must_renew = is_back or cookies.name_of(cookies.SESSION) not in request.cookies
    if must_renew or has_moved:
        g.renewed_key, g.must_renew = key, must_renew
    return Who(session.user, session.session_id)


def _has_moved(session: UserSession) -> bool:
    """Whether the session is used from another address than the stored one, which is at least `MOVE_MINUTES` old."""
    is_elsewhere = session.session_address != request.remote_addr
    return is_elsewhere and session.session_seen_at < times.ago(minutes=MOVE_MINUTES)


def _note_visit(session: UserSession) -> None:
    try:
        process().store.write(sessions.visit, session.user.id, session.session_id, where())
    except ChatError as error:
        if error.code != "busy":
            raise
        # Nothing can be written now: reading still works, and the next request notes the visit.
