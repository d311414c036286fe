"""The parts of one process, joined: store, settings in force, hub, relay, presence, and the ticker that drives them."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from chat import runtime
from chat.core import addresses, log_events
from chat.core.config import Config
from chat.core.errors import ChatError
from chat.domain import erasure, inbox, ownership, retention
from chat.domain.site_settings import SiteSettings
from chat.realtime import subscription
from chat.realtime.hub import Hub
from chat.realtime.presence import Presence
from chat.realtime.relay import PassingRelay, Relay, UnixRelay
from chat.realtime.ring import Event
from chat.realtime.sending import Backlog
from chat.realtime.streams import Streams
from chat.realtime.watermarks import Watermarks
from chat.runtime import metrics
from chat.runtime.limits import Limits
from chat.server import capacity, figures, host_report
from chat.server.capacity import LASTING, Budget, Host
from chat.server.host_report import Hosting
from chat.store import InDoubt, Store, creation, trouble
from chat.store.tables import events, users

log = logging.getLogger(__name__)

SECOND = 1.0
TOUCH_SECONDS = 3600  # how often those who stay for hours are noted as visitors


class Process:
    """Opened by `start` in the process that answers requests, after any fork."""

    def __init__(self, config: Config) -> None:
        self.operators_config = config
        self.backlog = Backlog()
        self._lock = threading.Lock()
        self._started_in: int | None = None
        self._budget: Budget | None = None
        self._is_host_noted = False
        self.processes: int | None = None  # of the server; set by whoever knows
        self._stops: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        return self._started_in == os.getpid()

    def start(self, host: Host = LASTING) -> None:
        """Open everything, once in each process. Raises ChatError `busy` when the database is another version's.

        A process that does not last between its requests (CGI, Passenger) has no threads and no socket, and holds no
        reader: what others do by themselves is done with its requests, by `look` before and by `rest` after them.
        """
        if self.is_open:
            return
        with self._lock:
            if not self.is_open:
                with trouble.told(log):
                    self._open(host)
                self._started_in = os.getpid()

    def _open(self, host: Host) -> None:
        config = self.operators_config
        instance = Path(config.instance)
        self.host = host
        self.runtime = runtime.choose(host.lasts)
        is_new = not creation.exists(config)
        if is_new:
            creation.upgrade(config)
        self.store = Store(config, on_commit=self._committed)
        try:
            self.store.check()
        except Exception:
            self.store.stop()
            raise
        self.watermarks = Watermarks(config, self.store)
        self.limits = Limits(instance / "limits")
        refresh_all = partial(subscription.refresh_all, self.store)
        self.hub = Hub(
            self.store, config.ring_events, config.ring_bytes, on_site=self._learn_of_site, refresh_all=refresh_all
        )
        self.hub.start()
        self.site_settings = SiteSettings(self.store, config)  # after the hub, which hears of every later change
        self.relay: Relay = UnixRelay(instance) if host.lasts else PassingRelay(instance)
        self.presence = self._presence()
        self.streams = Streams(self.store, self.hub, self.presence, config, self.backlog)
        self.streams.poll_interval_ms = host.poll_interval_ms
        self._grant()
        self.board = metrics.Board(instance / "metrics")
        self._lag = metrics.Histogram(metrics.LAG_SECONDS)
        self._tick_due_at = time.monotonic() + SECOND
        if host.lasts:
            self._go_on_by_itself()
        if is_new and self.owner_code():
            log.info("the code for becoming the owner is in %s", instance / ownership.CODE_FILE)

    def _presence(self) -> Presence:
        roster_max = self.operators_config.roster_max
        if self.host.lasts:  # imported late, as the other is: a host that ends with the request needs but one
            from chat.realtime.presence.memory import MemoryPresence

            return MemoryPresence(self.hub, self.relay, roster_max)
        from chat.realtime.presence.file import FilePresence

        return FilePresence(self.operators_config.instance / "attendance.db", roster_max)

    def _go_on_by_itself(self) -> None:
        self.store.start()
        _attempt(partial(retention.is_clock_doubtful, self.store), "clock")  # which may leap within the first minute
        self.relay.start(on_ring=partial(_attempt, self.hub.wake, "ring"), on_news=self.presence.receive)
        self.presence.start()
        self._seconds = 0
        self._stops = [self.runtime.every(SECOND, self._tick, "ticker")]
        if self.operators_config.look_seconds:
            self._stops.append(self.runtime.every(self.operators_config.look_seconds, self._look, "look"))

    def look(self) -> None:
        """Before each request of a process that does not last: learn what others have done since the last one.

        What fails here fails the request, which must not be answered by what was in force before.
        """
        self._reopen()
        self.hub.wake()
        inbox.move_inbox(self.store)
        self.watermarks.publish()

    def after_request(self, is_end: bool) -> None:
        """After each request of such a process, once a minute among all of them: what others do from time to time."""
        if not self.is_open:
            return
        try:
            if retention.is_due(self.operators_config.instance / "upkeep"):
                retention.between_requests(self.store, self.config)
                self.presence.tick()
        except (ChatError, InDoubt, OSError) as error:
            log.error("upkeep: %s", error)
        finally:
            self.note_figures()
            self._note_host()
            if is_end:
                self.stop()

    @property
    def config(self) -> Config:
        """The settings in force: the operator's, with the owner's over them once the store is open."""
        return self.site_settings.config if self.is_open else self.operators_config

    def network_of(self, environ: Mapping[str, Any]) -> str | None:
        """The network whose share of what is scarce a request takes; None where its address says nothing of who asks,
        or where nobody is counted."""
        network: str | None = environ.get(addresses.NETWORK)
        return network if self.config.limits else None

    def settle(self, budget: Budget) -> None:
        """Hold as many streams and polls in this process as its host bears, unless the operator has set a number."""
        self._budget, self._is_host_noted = budget, False
        if self.is_open:
            self._grant()

    def learn(self, environ: Mapping[str, Any]) -> None:
        """See by a first request which host this is, where no worker of ours has said it."""
        if self._budget is None:
            self.settle(capacity.budget(environ, capacity.facts(environ, self.processes)))

    def _grant(self) -> None:
        budget, config = self._budget, self.operators_config
        if budget is None:
            return
        self.streams.most = budget.granted(config.streams) if self.host.lasts else 0
        self.streams.lifetime = budget.lifetime(config.stream_seconds, config.stream_minutes)
        if self.host.lasts:
            self._note_host()

    @property
    def hosting(self) -> Hosting | None:
        """What this host is and takes, or None before it is known."""
        if self._budget is None:
            return None
        streams = self.streams
        seen = Hosting(self._budget, streams.most, streams.lifetime, streams.poll_interval_ms,
                       host_report.megabytes_here(), has_heads=self.watermarks.is_used)
        return seen._replace(request_seconds=time.process_time()) if self._budget.kind == capacity.ONCE else seen

    def _note_host(self) -> None:
        """Let the command line know, which runs elsewhere."""
        if self.hosting is not None and not self._is_host_noted:
            host_report.note(Path(self.operators_config.instance), self.hosting)
            self._is_host_noted = True

    def say_bye(self, over_seconds: float = 0.0) -> None:
        """Ask every reader to come back, to whichever process takes over."""
        if self.is_open:
            self.hub.close("restart", over_seconds)

    def stop(self) -> None:
        """Let go of everything that `start` opened."""
        if not self.is_open:
            return
        for stop in self._stops:
            stop()
        self.relay.stop()
        self.store.stop()
        self.limits.close()
        if self.host.lasts:
            self.note_figures()
        self.board.close()
        self._started_in = None
        self._stops = []

    def owner_code(self) -> str | None:
        """The code by which somebody becomes the owner, where there is none yet."""
        return ownership.code_to_show(self.store, self.operators_config)

    def note_figures(self) -> None:
        """Show all processes how this one stands, and what it has counted."""
        self.board.note(figures.of_process(self.store, self.hub, self.relay, self.streams, self._lag))

    def _learn_of_site(self, event: Event) -> None:
        if event.name in (log_events.CHANGED, log_events.MISSED):
            self.site_settings.reload()
        user_id = erasure.forgotten_by(event.name, event.data)
        if user_id is not None:
            self.presence.forget(user_id, erasure.NAMELESS)

    def _reopen(self) -> None:
        """Begin anew with what lies at the database's place, where it was replaced, or set back by another program."""
        last_id = self.hub.last_id
        is_another = self.store.reopen()
        with self.store.glance() as connection:
            is_set_back = events.highest_id(connection) < last_id
        if is_another or is_set_back:
            self.hub.begin_anew()
            self.hub.wake()

    def _committed(self) -> None:
        self.relay.ring()
        _attempt(self.hub.wake, "ring")
        if not self.runtime.has_loop:  # which must not wait for files with every commit
            self.watermarks.publish()

    def _tick(self) -> None:
        self._lag.observe(max(0.0, time.monotonic() - self._tick_due_at))
        self._seconds += 1
        works: list[Callable[[], object]] = [
            self.streams.tick,
            self.presence.tick,
            self._reopen,
            partial(retention.every_second, self.store),
            self.watermarks.publish,
        ]
        if self._seconds % retention.MINUTE_SECONDS == 0:
            works.append(partial(retention.every_minute, self.store, self.config))
        if self._seconds % TOUCH_SECONDS == 0:
            works.append(self._touch_who_is_here)
        for work in (*works, self.note_figures):
            _attempt(work, "ticker")
        self._tick_due_at = time.monotonic() + SECOND

    def _touch_who_is_here(self) -> None:
        here = self.presence.people_here()
        if here:
            self.store.write(users.touch, here)

    def _look(self) -> None:
        """What makes rings a mere hint, and other programs heard."""
        _attempt(self.hub.wake, "look")
        _attempt(partial(inbox.move_inbox, self.store), "look")


def _attempt(work: Callable[[], object], name: str) -> None:
    """Do it, or let what else is to be done go on; what cannot be saved now is done the next time."""
    try:
        work()
    except (ChatError, InDoubt, trouble.Unavailable) as error:
        trouble.complain(log, f"{name}: {error}")
    except Exception:
        log.exception("%s failed", name)
