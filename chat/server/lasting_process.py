"""The process of a host that lets it go on between its requests: threads, or greenlets, and a way to the others."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from chat import runtime
from chat.domain import retention
from chat.realtime.presence.memory import MemoryPresence
from chat.realtime.relay.choice import relay_for
from chat.realtime.sending import Backlog
from chat.server.capacity import Budget
from chat.server.process import Process, attempt
from chat.store.tables import users

SECOND = 1.0
TOUCH_SECONDS = 3600  # how often those who stay for hours are noted as visitors


class LastingProcess(Process):
    """It holds readers. By itself it writes, receives rings, looks at the log, and does what is due each second.

    With its requests it does nothing else.
    """

    def _open(self, opening: ExitStack, backlog: Backlog) -> None:
        runtime.choose(lasts=True)
        super()._open(opening, backlog)

    def _meet_others(self, opening: ExitStack) -> None:
        # Before there are streams: their parking lot, once opened, stays open until the process ends.
        self.relay = relay_for(self.operators_config, self.store)
        opening.callback(self.relay.stop)
        self.presence = MemoryPresence(self.hub, self.relay, self.operators_config.roster_max)
        self.store.start()
        attempt(partial(retention.is_clock_doubtful, self.store), "clock")  # which may leap within the first minute
        self.relay.start(on_ring=partial(attempt, self.hub.wake, "ring"), on_news=self.presence.receive)
        self.presence.start()

    def _begin(self, opening: ExitStack) -> None:
        self._seconds = 0
        self._may_have_wishes = True  # until the first look has shown whether anybody wants to be forgotten
        self._log_due_at = 0.0
        self._tick_due_at = time.monotonic() + SECOND
        opening.callback(self.note_figures)
        opening.callback(runtime.current().every(SECOND, self._tick, "ticker"))
        opening.callback(runtime.current().every(SECOND, self._upkeep, "upkeep"))
        look_seconds = min(self.operators_config.look_seconds or SECOND, SECOND)
        opening.callback(runtime.current().every(look_seconds, self._look, "look"))

    def before_request(self) -> None:
        """Nothing: rings and looks have done it."""

    def work_after_request(self) -> None:
        """Nothing: ticker and upkeep do it."""

    def grant(self, budget: Budget) -> None:
        """As in `Process`; the command line can read it at once."""
        super().grant(budget)
        self._note_host()

    def _tick(self) -> None:
        """What readers wait for; nothing here asks the store, which may be slow or gone."""
        self._lag.observe(max(0.0, time.monotonic() - self._tick_due_at))
        for work in (self.streams.tick, self.presence.tick, self.note_figures):
            attempt(work, "ticker")
        self._tick_due_at = time.monotonic() + SECOND

    def _upkeep(self) -> None:
        """What the store needs, beside which looks go on."""
        self._seconds += 1
        works: list[Callable[[], object]] = [
            partial(retention.every_second, self.store, self._may_have_wishes),
            self.watermarks.publish,
        ]
        if self._seconds % retention.MINUTE_SECONDS == 0:
            works.append(partial(retention.every_minute, self.store, self.config))
        if self._seconds % TOUCH_SECONDS == 0:
            works.append(self._touch_who_is_here)
        for work in works:
            attempt(work, "upkeep")

    def _touch_who_is_here(self) -> None:
        here = self.presence.people_here()
        if here:
            self.store.write(users.touch, here)

    def _look(self) -> None:
        """One question a second, and more only where its answer asks for it: every process of every host does this."""
        attempt(self._heed_news, "look")

    def _heed_news(self) -> None:
        """Read the log and the inbox without a ring: a lost one costs a moment, and other programs send none."""
        found = self._look_for_news()
        self._may_have_wishes = found.has_wishes
        if self._is_log_due():
            attempt(partial(self.hub.wake, found.last_id), "look")
            attempt(partial(self._post_inbox, found), "look")

    def _is_log_due(self) -> bool:
        """Whether it is to be read, which the operator may want less often than once a second, or never."""
        if not self.operators_config.look_seconds or time.monotonic() < self._log_due_at:
            return False
        self._log_due_at = time.monotonic() + self.operators_config.look_seconds - SECOND / 2  # looks are never exact
        return True
