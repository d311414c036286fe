"""The verbs of people: take a name, choose a view. Run by `Store.write`."""

from chat.core import log_events, times, validation
from chat.core.errors import N_, ChatError
from chat.domain.sessions import From, SignedIn, begin
from chat.store import Transaction, leaps
from chat.store.tables import users

VIEWS = ("comfortable", "compact")
COLOURS = 12  # of the squares, in the style sheet
COLOUR_STEP = 5  # without a common factor, so that all have their turn and neighbours in it differ clearly


def sign_in(tx: Transaction, name: object, guest_days: int, where: From) -> SignedIn:
    """Give a guest the name, if nobody bears it who was here within `guest_days`; those who bear it lose it.

    Raises ChatError `name_taken`, or `invalid` for what is no name.
    """
    clean_name = validation.clean_name(name)
    bearers = users.bearers(tx.connection, clean_name)
    if any(_is_kept(tx, bearer, guest_days) for bearer in bearers):
        message = N_("That name is taken or too similar to another. Pick another, or open your link if it's you.")
        raise ChatError("name_taken", message, field="name")
    for bearer in bearers:
        users.change(tx, bearer.id, released_at=tx.now)
        tx.append(f"user:{bearer.id}", log_events.REVOKE, "{}")
    return begin(tx, add_user(tx, clean_name, "guest"), where)


def _is_kept(tx: Transaction, bearer: users.User, guest_days: int) -> bool:
    """Whether nobody else may have the name yet."""
    if bearer.kind != "guest" or bearer.is_owner:
        return True
    return bearer.seen_at > times.ago(days=guest_days) or leaps.is_doubtful(tx.connection)


def choose_view(tx: Transaction, user_id: int, view: object) -> None:
    """Set how close messages stand on this person's pages. Raises ChatError `invalid` unless it is one of `VIEWS`."""
    if view not in VIEWS:
        raise ChatError("invalid", N_("Choose one of the two views."), field="view")
    users.change(tx, user_id, is_compact=view == "compact")


def add_user(tx: Transaction, name: str, kind: str) -> int:
    """A new user with a colour of their own; returns the id. Who had the name before must have lost it."""
    earlier = users.colours_of_bearers(tx.connection, name)
    # Those who come one after another differ, and so does whoever takes a name from who had it last.
    colour = users.highest_id(tx.connection) * COLOUR_STEP % COLOURS
    if earlier and earlier[-1] == colour:
        colour = (colour + 1) % COLOURS
    return users.add(tx, name, kind=kind, colour=colour, bearer=len(earlier) + 1)
