"""The events of the log by their names, and the channels that are no room's and no person's."""

import hashlib
from functools import lru_cache

SITE = "site"  # the channel of what concerns every process, and no reader
REWRITTEN = "rewritten"  # an event of that channel: the log says something else of these events now, or nothing
MISSED = "missed"  # an event of that channel which is in no log: the process may have missed some of those
REVOKE = "revoke"  # an event that no reader is sent: it ends the streams that hear its channel
CHANGED = "changed"
NETWORKS = 1024  # whose channels are remembered, so that the readers of one network share the text
WORD_CHANNEL = "word"  # of all readers who were let in by the entry word, or before there was one


@lru_cache(NETWORKS)
def network_channel(network: str) -> str:
    """The channel of all readers from one network; a hash, so that the log keeps no address."""
    return f"network:{hashlib.sha256(network.encode()).hexdigest()[:24]}"


EVERYBODY = "rooms"  # the channel that all readers hear: which rooms anybody may find
