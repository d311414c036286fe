"""What writers did and what they were answered: noted while they write, judged by the oracle."""

from dataclasses import dataclass, field


@dataclass
class Written:
    """A message that somebody wrote: `ids` as acknowledged, one for each answer that came.

    Without a key (a client id) it is sent once. `was_refused` when the last word was that it is not in the store.
    """

    token: str
    way: str
    author: str
    room: str
    has_key: bool
    attempts: int = 0
    ids: list[int] = field(default_factory=list)
    was_acknowledged: bool = False  # by a way that tells no id
    was_refused: bool = False

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.ids) or self.was_acknowledged


@dataclass
class Change:
    """An edit or a removal that was acknowledged; whoever opens a connection after that must not see an older text."""

    message_id: int
    version: int
    acknowledged_at: float


@dataclass
class Journal:
    written: list[Written] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    moves: int = 0  # joins and leaves that were acknowledged
    overheard: list[str] = field(default_factory=list)  # what somebody was given who must not have it
    complaints: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)  # from the first attempt to the acknowledgement, in seconds
