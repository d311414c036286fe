"""What carries messages between the processes of several hosts: a server that all of them reach."""

from collections.abc import Sequence
from typing import Protocol

Messages = Sequence[bytes]  # each is UTF-8 without NUL


class Line(Protocol):
    """A connection to a broker, for sending or for listening. Each method raises one of the broker's `errors`."""

    def send(self, messages: Messages) -> None:
        """Send all of them to everybody who listens, in this order; waits until the broker has them."""

    def listen(self) -> None:
        """Be sent from now on what anybody sends, the sender too."""

    def receive(self, seconds: float) -> Messages | None:
        """What has come, after waiting up to so long for the first; None where there was no sign of life at all."""

    def ask(self) -> None:
        """Make the broker give a sign of life, which `receive` or this waits for."""

    def close(self) -> None:
        """Let go of it, in whatever state it is. Never raises."""


class Broker(Protocol):
    """A server that passes messages on, at most once each. One that is not connected keeps nothing open."""

    @property
    def name(self) -> str:
        """The server as people are told of it, without any secret."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What is raised where it can't be reached, or refuses."""

    @property
    def pause_seconds(self) -> float:
        """What to leave between two calls of `send`, where each costs the server much."""

    def connect(self, seconds: float) -> Line:
        """A new line, opened by its first use at the latest, within about so many seconds; so long may an answer take,
        too."""
