"""The one list of events: each one's name and channels, who is sent it, and what it changes.

To add an event, add its row to `EVENTS`, the verb that appends it, its line in docs/protocol.md and what the script
does with it. Everything else about events is derived from the list, below it.
"""

import hashlib
from functools import lru_cache
from typing import Literal, NamedTuple

Channel = Literal["room", "user", "session", "network", "word", "rooms", "site"]  # what a channel begins with
Receiver = Literal[
    "readers",  # everyone who may see the channel
    "one",  # the single stream or poll that it is about
    "processes",  # each server process, but no reader
    "nobody",  # it only ends those who read the channel
    "selftest",  # the clock of /selftest
]


class LogEvent(NamedTuple):
    """A kind of event, whether it is logged or only sent."""

    name: str
    channels: tuple[Channel, ...] = ()
    receiver: Receiver = "readers"
    is_logged: bool = True
    has_id: bool = True  # on the wire; without, it does not move the reader's cursor
    ends_access: bool = False  # somebody may have lost the right to read: a new epoch begins
    changes_visibility: Channel | None = None  # on such a channel it changes what the channel's readers may see
    rewrites: bool = False  # earlier events of its message get its data
    replaces: tuple[str, ...] = ()  # the earlier events about the same subject that leave the log for it

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
    LogEvent(MESSAGE, ("room",)),
    LogEvent(EDIT, ("room",), rewrites=True, replaces=(EDIT,)),
    LogEvent(REMOVE, ("room",), rewrites=True, replaces=(EDIT, REMOVE)),
    LogEvent(JOIN, ("room", "user"), changes_visibility="user"),
    LogEvent(LEAVE, ("room", "user"), ends_access=True, changes_visibility="user"),
    LogEvent(ROOM, ("room",), ends_access=True, changes_visibility="room"),  # it has changed or is gone
    LogEvent(READ, ("user",), replaces=(READ,)),  # how far the user has read
    LogEvent(LISTED, ("rooms",), replaces=(LISTED, UNLISTED)),  # a room that everyone may find, as it is now
    LogEvent(UNLISTED, ("rooms",), replaces=(LISTED, UNLISTED)),
    # What no reader is sent.
    LogEvent(REVOKE, ("user", "session", "network", "word"), "nobody", ends_access=True),  # ends readers of the channel
    LogEvent(CHANGED, ("site",), "processes"),  # settings or bans: each process reads them again
    LogEvent(REWRITTEN, ("site",), "processes"),  # events that have other data in the log now, or are gone from it
    LogEvent(MISSED, ("site",), "processes", is_logged=False),  # the process may have missed some of these
    # What is not logged, because it belongs to the moment or to one stream.
    LogEvent(PRESENCE, ("room",), is_logged=False, has_id=False),
    LogEvent(TYPING, ("room",), is_logged=False, has_id=False),
    LogEvent(HELLO, receiver="one", is_logged=False),  # a stream begins
    LogEvent(PING, receiver="one", is_logged=False),  # the stream is alive, and has sent everything so far
    LogEvent(RESET, receiver="one", is_logged=False),  # the reader must fetch everything again
    LogEvent(MODE, receiver="one", is_logged=False, has_id=False),  # there is no room for a stream, so poll
    LogEvent(BYE, receiver="one", is_logged=False, has_id=False),  # the server ends the stream on purpose
    LogEvent(TIME, receiver="selftest", is_logged=False),
)

ENDS_ACCESS = frozenset(event.name for event in EVENTS if event.ends_access)
CHANGES_VISIBILITY = {event.name: f"{event.changes_visibility}:" for event in EVENTS if event.changes_visibility}
REWRITES = frozenset(event.name for event in EVENTS if event.rewrites)
REPLACES = {event.name: event.replaces for event in EVENTS if event.replaces}
MOVES = (JOIN, LEAVE)  # logged for the room and, right behind it, for the user's own channel

# Channels that belong to no room and no user.

SITE = "site"  # for processes only
EVERYBODY = "rooms"  # for all readers: which rooms everyone may find
WORD_CHANNEL = "word"  # for readers who gave the shared password, or came before there was one
NETWORKS = 1024  # so many channels are cached, so that the readers of one network share the string


@lru_cache(NETWORKS)
def network_channel(network: str) -> str:
    """The channel of all readers from one network, named by a hash so that the log holds no address."""
    return f"network:{hashlib.sha256(network.encode()).hexdigest()[:24]}"
