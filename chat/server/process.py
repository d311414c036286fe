"""What a chat consists of in the process that answers its requests, whichever form the host needs."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from chat import runtime
from chat.core import log_events
from chat.core.config import Config
from chat.core.errors import ChatError
from chat.domain import erasure, inbox, ownership, site_key
from chat.domain.site_settings import SiteSettings
from chat.realtime import subscription
from chat.realtime.hub import Hub
from chat.realtime.presence import Presence
from chat.realtime.relay import Relay
from chat.realtime.ring import Event
from chat.realtime.sending import Backlog
from chat.realtime.streams import Streams
from chat.realtime.watermarks import Watermarks
from chat.runtime import metrics
from chat.runtime.limits import Limits
from chat.server import capacity, figures, host_report
from chat.server.capacity import Budget
from chat.server.host_report import Hosting
from chat.store import InDoubt, Store, creation, trouble
from chat.store.tables import news
from chat.store.tables.news import News

log = logging.getLogger(__name__)


class Process(ABC):
    """Store, limits, hub, relay, presence, streams and figures of one process, and the settings in force.

    It is open once it is made, and `stop` gives everything back. Where making it fails, nothing stays open. A form
    says in its docstring what it does by itself, and what with its requests.
    """

    relay: Relay
    presence: Presence

    def __init__(
        self, config: Config, backlog: Backlog, poll_interval_ms: int, budget: Budget | None = None
    ) -> None:
        """Raises ChatError `busy` when the database is another version's or the site's key is another one, SecretError
        when the key can't be read, and what its files or folders raise."""
        self.operators_config = config
        self._instance = Path(config.instance)
        self._budget: Budget | None = None
        with ExitStack() as opening:
            self._open(opening, backlog)
            self.streams.poll_interval_ms = poll_interval_ms
            if budget is not None:
                self.grant(budget)
            self._begin(opening)
            self._opened = opening.pop_all()

    def _open(self, opening: ExitStack, backlog: Backlog) -> None:
        config = self.operators_config
        self.board = metrics.Board(self._instance / "metrics")
        opening.callback(self.board.close)
        self._lag = metrics.Histogram(metrics.LAG_SECONDS)
        self.limits = Limits(self._instance / "limits")
        opening.callback(self.limits.close)
        self.store = Store(config, on_commit=self._committed)
        opening.callback(lambda: self.store.stop())  # whichever it is by then
        is_new = not self.store.exists()
        if is_new:
            self.store.stop()
            creation.upgrade(config)
            self.store = Store(config, on_commit=self._committed)
        self.store.check()
        site_key.check(self.store, config)
        self.watermarks = Watermarks(config, self.store)
        refresh_all = partial(subscription.refresh_all, self.store)
        self.hub = Hub(
            self.store, config.ring_events, config.ring_bytes, on_site=self._learn_of_site, refresh_all=refresh_all
        )
        self.hub.start()
        self.site_settings = SiteSettings(self.store, config)  # after the hub, which reports every later change
        self._meet_others(opening)
        self.streams = Streams(self.store, self.hub, self.presence, config, backlog)
        if is_new and self.owner_code():
            log.info("the code for becoming the owner is in %s", self._instance / ownership.CODE_FILE)

    @abstractmethod
    def _meet_others(self, opening: ExitStack) -> None:
        """Set `relay` and `presence`; the store and the hub are there."""

    @abstractmethod
    def _begin(self, opening: ExitStack) -> None:
        """Begin what goes on between requests; everything is there."""

    @abstractmethod
    def before_request(self) -> None:
        """Learn what others have done since the last request, unless that is learned between them.

        What fails here fails the request, which must not be answered by what was in force before.
        """

    @abstractmethod
    def work_after_request(self) -> Callable[[], None] | None:
        """What is to be done once the request is answered, or None where it is done anyway."""

    def stop(self) -> None:
        """Let go of everything that is open; once more does nothing."""
        self._opened.close()

    @property
    def config(self) -> Config:
        """The settings in force: the operator's, with the owner's over them."""
        return self.site_settings.config

    def owner_code(self) -> str | None:
        """The code by which somebody becomes the owner, where there is none yet."""
        return ownership.code_to_show(self.store, self.operators_config)

    def grant(self, budget: Budget) -> None:
        """Hold as many readers, and streams as long, as the budget allows and the operator has set."""
        self._budget = budget
        config = self.operators_config
        self.streams.most = budget.granted(config.streams)
        self.streams.lifetime = budget.lifetime(config.stream_seconds, config.stream_minutes)

    @property
    def hosting(self) -> Hosting | None:
        """This host and its costs, or None before its budget is known."""
        if self._budget is None:
            return None
        streams = self.streams
        seen = Hosting(self._budget, streams.most, streams.lifetime, streams.poll_interval_ms,
                       host_report.megabytes_here(), has_heads=self.watermarks.is_used)
        return seen._replace(request_seconds=time.process_time()) if self._budget.kind == capacity.ONCE else seen

    def _note_host(self) -> None:
        """Let the command line know, which runs elsewhere."""
        if self.hosting is not None:
            host_report.note(self._instance, self.hosting)

    def note_figures(self) -> None:
        """Write this process's figures where all processes can read them."""
        self.board.note(figures.of_process(self.store, self.hub, self.relay, self.streams, self._lag))

    def _learn_of_site(self, event: Event) -> None:
        if event.name in (log_events.CHANGED, log_events.MISSED):
            self.site_settings.reload()
        user_id = erasure.forgotten_by(event.name, event.data)
        if user_id is not None:
            self.presence.forget(user_id, erasure.NAMELESS)

    def _look_for_news(self) -> News:
        """Ask the store, once, what there is to do.

        Begins anew with what lies at the database's place, where it was replaced, or set back by another program.
        """
        last_id = self.hub.last_id
        is_another = self.store.reopen()
        with self.store.glance() as connection:
            found = news.look(connection, last_id)
        if is_another or found.has_lost(last_id):
            self.hub.skip_to_end()
            self.hub.wake()
        return found

    def _post_inbox(self, found: News) -> None:
        if found.has_inbox:
            inbox.move_inbox(self.store)

    def _committed(self) -> None:
        self.relay.ring()
        attempt(self.hub.wake, "ring")
        if not runtime.current().has_loop:  # which must not wait for files with every commit
            self.watermarks.publish()


def attempt(work: Callable[[], object], name: str) -> None:
    """Do it; if it fails, log that under `name` and go on, because it will be tried again."""
    try:
        work()
    except (ChatError, InDoubt, trouble.Unavailable) as error:
        trouble.complain(log, f"{name}: {error}")
    except Exception:
        log.exception("%s failed", name)
