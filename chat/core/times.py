"""The one form in which times are stored and sent: UTC, ISO 8601 with milliseconds, ending in ``Z``."""

from datetime import datetime, timedelta, timezone


def now() -> str:
    """The present moment. Texts of this form sort as the moments do."""
    return text_of(datetime.now(timezone.utc))


def ago(**duration: float) -> str:
    """A moment in the past, with the arguments of `timedelta` (``days=30``)."""
    return text_of(datetime.now(timezone.utc) - timedelta(**duration))


def ahead(**duration: float) -> str:
    """A moment in the future, with the same arguments."""
    return text_of(datetime.now(timezone.utc) + timedelta(**duration))


def text_of(moment: datetime) -> str:
    """The moment as the store and the wire have it: UTC, ISO 8601 with milliseconds, ending in Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def moment_of(text: str) -> datetime:
    """The aware moment behind a text that `now` made."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
