"""Moments as people without script read them: in the site's time zone."""

from chat import identity, times
from chat.catalogue import format_datetime


def in_words(moment: str) -> str:
    """A moment of the store as day and hour, such as 20 Nov 2026, 14:00."""
    local = times.moment_of(moment).astimezone(identity.parts().config.timezone)
    return format_datetime(local, "d MMM y, HH:mm")
