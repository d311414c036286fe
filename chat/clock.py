"""Moments as people without script read them: in the site's time zone."""

from flask_babel import format_datetime

from chat import identity, times


def in_words(moment: str) -> str:
    """A moment of the store as day and hour, such as 20 Nov 2026, 14:00."""
    local = times.moment_of(moment).astimezone(identity.parts().config.timezone)
    return format_datetime(local, "d MMM y, HH:mm", rebase=False)
