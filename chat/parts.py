"""The parts of one process, joined: store, site, hub, relay, presence, and the second hand that drives them."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from chat import forgetting, outside, owner, runtime, upkeep
from chat.config import Config
from chat.errors import ChatError
from chat.hub import Event, Hub
from chat.limits import Limits
from chat.presence import Presence
from chat.relay import LocalRelay, UnixRelay
from chat.site import CHANGED, Site
from chat.store import InDoubt, Store, creation, users
from chat.streams import Streams

log = logging.getLogger(__name__)

SECOND = 1.0
TOUCH_SECONDS = 3600  # how often those who stay for hours are noted as visitors


class Parts:
    """Opened by `start` in the process that answers requests, after any fork."""

    def __init__(self, config: Config) -> None:
        self.operators_config = config
        self._lock = threading.Lock()
        self._started_in: int | None = None
        self._bears: int | None = None
        self._stops: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        return self._started_in == os.getpid()

    def start(self) -> None:
        """Open everything, once in each process. Raises ChatError `busy` when the database is another version's."""
        if self.is_open:
            return
        with self._lock:
            if not self.is_open:
                self._open()
                self._started_in = os.getpid()

    def _open(self) -> None:
        config = self.operators_config
        instance = Path(config.instance)
        self.runtime = runtime.choose()
        if not creation.exists(config):
            creation.upgrade(config)
        self.store = Store(config, on_commit=self._committed)
        self.store.check()
        self.relay: LocalRelay = UnixRelay(instance)
        self.limits = Limits(instance / "limits")
        self.site = Site(self.store, config)
        self.hub = Hub(self.store, config.ring_events, on_site=self._learn_of_site)
        self.presence = Presence(self.hub, self.relay, config.roster_max)
        self.streams = Streams(self.store, self.hub, self.presence, config)
        self.bears(self._bears)
        self.hub.start()
        self.site.reload()  # anew, for what came before the hub could hear of it
        self.store.start()
        self.relay.start(on_ring=self.hub.wake, on_news=self.presence.hear)
        self.presence.start()
        self._seconds = 0
        self._stops = [self._every(SECOND, self._tick, "second hand")]
        if config.look_seconds:
            self._stops.append(self._every(config.look_seconds, self._look, "look"))

    @property
    def config(self) -> Config:
        """The settings in force: the operator's, with the owner's over them once the store is open."""
        return self.site.config if self.is_open else self.operators_config

    def bears(self, readers: int | None) -> None:
        """Hold at most so many streams and polls in this process, unless the operator has set a number."""
        self._bears = readers
        if hasattr(self, "streams"):
            wanted = self.operators_config.streams
            self.streams.most = readers if wanted is None else wanted

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
        self._started_in = None

    def owner_code(self) -> str | None:
        """The code by which somebody becomes the owner, where there is none yet."""
        return owner.code_to_show(self.store, self.operators_config)

    def _learn_of_site(self, event: Event) -> None:
        if event.name == CHANGED:
            self.site.reload()
        user_id = forgetting.forgotten_by(event)
        if user_id is not None:
            self.presence.forget(user_id, forgetting.NAMELESS)

    def _every(self, seconds: float, work: Callable[[], None], name: str) -> Callable[[], None]:
        """Do `work` so often; what cannot be saved now is done the next time, and says so in one line."""

        def attempt() -> None:
            try:
                work()
            except (ChatError, InDoubt) as error:
                log.error("%s: %s", name, error)

        return self.runtime.every(seconds, attempt, name)

    def _committed(self) -> None:
        self.relay.ring()
        self.hub.wake()

    def _tick(self) -> None:
        self.streams.tick()
        self.presence.tick()
        self._seconds += 1
        upkeep.every_second(self.store)
        if self._seconds % upkeep.MINUTE_SECONDS == 0:
            upkeep.every_minute(self.store, self.config)
        here = self.presence.people_here() if self._seconds % TOUCH_SECONDS == 0 else None
        if here:
            self.store.write(users.touch, here)

    def _look(self) -> None:
        """What makes rings a mere hint, and other programs heard."""
        self.hub.wake()
        outside.move_inbox(self.store)
