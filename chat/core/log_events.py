"""The one list of events: what each is called, on which channels it is told, who is sent it and what it changes.

Whoever adds an event adds its row to `EVENTS`, the verb that appends it, its line in docs/protocol.md and what the
script does with it. What other parts must know of events is derived from the list below it.
"""

import hashlib
from functools import lru_cache
from typing import Literal, NamedTuple

Channel = Literal["room", "user", "session", "network", "word", "rooms", "site"]  # what a channel begins with
Receiver = Literal[
    "readers",  # all who hear the channel
    "one",  # a single stream or poll, which alone it is about
    "processes",  # each server process; no reader
    "nobody",  # it only ends whoever hears the channel
    "selftest",  # the clock of /selftest
]


class LogEvent(NamedTuple):
    """An event of the log, or one that is sent without being logged."""

    name: str
    says: str
    channels: tuple[Channel, ...] = ()
    receiver: Receiver = "readers"
    is_logged: bool = True
    has_id: bool = True  # on the wire; without, it does not move the reader's cursor
    ends_access: bool = False  # somebody may have lost the right to read: a new epoch begins
    changes_visibility: Channel | None = None  # whoever hears it on such a channel is asked anew what it may hear
    rewrites: bool = False  # earlier events of its message say what it says
    replaces: tuple[str, ...] = ()  # the earlier events about the same that leave the log for it

    @property
    def is_for_pages(self) -> bool:
        """Whether streams and polls bring it, and so the page's script listens to it."""
        return self.receiver in ("readers", "one")


MESSAGE, EDIT, REMOVE = "message", "edit", "remove"
JOIN, LEAVE, ROOM, READ = "join", "leave", "room", "read"
LISTED, UNLISTED = "listed", "unlisted"
REVOKE, CHANGED, REWRITTEN, MISSED = "revoke", "changed", "rewritten", "missed"
HELLO, PRESENCE, TYPING, PING, RESET, MODE, BYE = "hello", "presence", "typing", "ping", "reset", "mode", "bye"
TIME = "time"

EVENTS = (
    # What happens in rooms and to their lists.
    LogEvent(MESSAGE, "somebody has posted", ("room",)),
    LogEvent(EDIT, "a message has another text", ("room",), rewrites=True, replaces=(EDIT,)),
    LogEvent(REMOVE, "a message is gone", ("room",), rewrites=True, replaces=(EDIT, REMOVE)),
    LogEvent(JOIN, "somebody is in the room from now on", ("room", "user"), changes_visibility="user"),
    LogEvent(LEAVE, "somebody has left", ("room", "user"), ends_access=True, changes_visibility="user"),
    LogEvent(ROOM, "the room has changed or is gone", ("room",), ends_access=True, changes_visibility="room"),
    LogEvent(READ, "how far the user has read", ("user",), replaces=(READ,)),
    LogEvent(LISTED, "a room that all may find, as it is now", ("rooms",), replaces=(LISTED, UNLISTED)),
    LogEvent(UNLISTED, "a room is no longer to be found", ("rooms",), replaces=(LISTED, UNLISTED)),
    # What no reader is sent.
    LogEvent(
        REVOKE, "streams that hear this end", ("user", "session", "network", "word"), "nobody", ends_access=True
    ),
    LogEvent(CHANGED, "read settings and bans anew", ("site",), "processes"),
    LogEvent(REWRITTEN, "the log says something else of these events now, or nothing", ("site",), "processes"),
    LogEvent(MISSED, "this process may have missed some of those", ("site",), "processes", is_logged=False),
    # What is not logged: it belongs to the moment, or to one stream.
    LogEvent(PRESENCE, "who is here", ("room",), is_logged=False, has_id=False),
    LogEvent(TYPING, "somebody is typing", ("room",), is_logged=False, has_id=False),
    LogEvent(HELLO, "the stream has begun", receiver="one", is_logged=False),
    LogEvent(PING, "the stream lives, and has brought everything so far", receiver="one", is_logged=False),
    LogEvent(RESET, "fetch everything anew", receiver="one", is_logged=False),
    LogEvent(MODE, "no room for a stream: poll", receiver="one", is_logged=False, has_id=False),
    LogEvent(BYE, "the server ends the stream on purpose", receiver="one", is_logged=False, has_id=False),
    LogEvent(TIME, "the clock ticks", receiver="selftest", is_logged=False),
)

ENDS_ACCESS = frozenset(event.name for event in EVENTS if event.ends_access)
CHANGES_VISIBILITY = {event.name: f"{event.changes_visibility}:" for event in EVENTS if event.changes_visibility}
REWRITES = frozenset(event.name for event in EVENTS if event.rewrites)
REPLACES = {event.name: event.replaces for event in EVENTS if event.replaces}
MOVES = (JOIN, LEAVE)  # logged for the room and, right behind it, for the user's own channel

# Channels that are no room's and no person's.

SITE = "site"  # of what concerns every process, and no reader
EVERYBODY = "rooms"  # that all readers hear: which rooms anybody may find
WORD_CHANNEL = "word"  # of all readers who were let in by the entry word, or before there was one
NETWORKS = 1024  # whose channels are remembered, so that the readers of one network share the text


@lru_cache(NETWORKS)
def network_channel(network: str) -> str:
    """The channel of all readers from one network; a hash, so that the log keeps no address."""
    return f"network:{hashlib.sha256(network.encode()).hexdigest()[:24]}"
