"""What happens by itself: old messages, addresses and sessions go, wishes to be forgotten are carried on, the file is
cleaned.

Every process does it; each step is small, and doing it twice does nothing.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from chat.core import log_events, times
from chat.core.config import Config
from chat.core.wire import to_json
from chat.domain import erasure, sessions
from chat.store import Store, Transaction, leaps
from chat.store.tables import bans, events, sent_forms
from chat.store.tables import messages as message_table
from chat.store.tables import sessions as session_table

MINUTE_SECONDS = 60
STEPS_A_MINUTE = 40  # some seconds at most, during which pings and presence wait
STEP_EVENTS = 1000
STEP_MESSAGES = 200  # removed in one transaction, which nobody notices
STEP_SESSIONS = 200
DOUBT_HOURS = leaps.DOUBT_DAYS * 24
FORM_MINUTES = 10  # that a form which is sent again is answered as before
NO_TIME = ""  # before every other, as times are written

log = logging.getLogger(__name__)


def is_due(stamp: Path) -> bool:
    """Whether a minute has passed since this was last true, for whichever process; the file's own time is the stamp."""
    try:
        age_seconds = time.time() - stamp.stat().st_mtime
        if 0 <= age_seconds < MINUTE_SECONDS:
            return False
        os.utime(stamp)
    except FileNotFoundError:
        stamp.touch(mode=0o600)
    return True


def between_requests(store: Store, config: Config) -> None:
    """What other processes do each second and each minute, where none lasts so long."""
    for _ in range(STEPS_A_MINUTE):
        if not erasure.go_on(store):
            break
    every_minute(store, config)
    store.scrub()


def every_second(store: Store, has_wishes: bool = True) -> None:
    """Take a step for those who want to be forgotten, unless there are known to be none, and wipe what was erased."""
    if has_wishes:
        erasure.go_on(store)
    store.scrub()


def every_minute(store: Store, config: Config) -> None:
    """Remove what is no longer to be kept; by its age only where the clock is to be believed."""
    store.write(sent_forms.forget, times.ago(minutes=FORM_MINUTES))  # early, by a wrong clock, it does no harm
    if is_clock_doubtful(store):
        return _in_steps(store, prune, NO_TIME, config.log_events)
    if config.keep_days is not None:
        _in_steps(store, expire, times.ago(days=config.keep_days))
    _in_steps(store, prune, times.ago(days=config.log_days), config.log_events)
    with store.read() as connection:
        must_end_unseen = sessions.must_end_unseen(connection)
    if must_end_unseen:
        _in_steps(store, sessions.end_unseen, STEP_SESSIONS)
    store.write(forget_addresses, times.ago(days=config.keep_addresses_days))


def is_clock_doubtful(store: Store) -> bool:
    """Whether the clock may have leapt ahead; the time is noted, so that the next leap is noticed."""
    with store.read() as connection:
        is_doubtful, is_due = leaps.is_doubtful(connection), leaps.is_due(connection)
    if is_due and store.write(leaps.note):
        log.warning("the chat stood still, or the clock was set: nothing is deleted by age for %d hours", DOUBT_HOURS)
    return is_doubtful


def _in_steps(store: Store, step: Callable[..., bool], *arguments: object) -> None:
    """Take steps until nothing is left, or it is enough for this minute."""
    for _ in range(STEPS_A_MINUTE):
        if not store.write(step, *arguments):
            return


def expire(tx: Transaction, created_before: str) -> bool:
    """Remove the oldest messages of before then, with their events; true while there may be more."""
    ids = message_table.expire(tx, created_before, STEP_MESSAGES)
    if ids:
        event_ids = events.of_messages(tx.connection, ids)
        events.forget_messages(tx, ids)
        tx.append(log_events.SITE, log_events.REWRITTEN, to_json({"ids": event_ids}))
        tx.erases = True
    return len(ids) == STEP_MESSAGES


def prune(tx: Transaction, created_before: str, keep_events: int) -> bool:
    """Shorten the log; true while there may be more. Whoever has slept longer gets `reset` and loads the room anew."""
    return events.prune(tx, created_before, keep_events, STEP_EVENTS) == STEP_EVENTS


def forget_addresses(tx: Transaction, before: str) -> None:
    """Drop the addresses of visits before then, and of bans that ended before then."""
    session_table.forget_addresses(tx, before)
    bans.forget_networks(tx, before)
