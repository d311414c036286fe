"""Times as people without script read them: in the site's time zone, which is named."""

from datetime import datetime

from markupsafe import Markup

from chat.core import times
from chat.web import context
from chat.web.i18n import format_datetime


def here(moment: str) -> datetime:
    """A time from the store, in the site's time zone."""
    return times.moment_of(moment).astimezone(context.process().config.timezone)


def zone_of(local: datetime) -> str:
    """The usual name of its zone: UTC, CET, or UTC-03 if the zone has only a number."""
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


def in_words(moment: str) -> str:
    """A time from the store as date and time, such as 20 Nov 2026, 14:00 UTC."""
    local = here(moment)
    return f"{format_datetime(local, 'd MMM y, HH:mm')} {zone_of(local)}"


def element(moment: str) -> Markup:
    """The same as a `<time>`, which a script converts to the reader's zone."""
    return Markup('<time datetime="{}">{}</time>').format(moment, in_words(moment))
