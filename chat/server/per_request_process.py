"""The process of a host that ends it with its request, or may stop it between two (CGI, Passenger)."""

import logging
from collections.abc import Callable
from contextlib import ExitStack

from chat import runtime
from chat.core.errors import ChatError
from chat.domain import retention
from chat.realtime.presence.file import FilePresence
from chat.realtime.relay.choice import passing_for
from chat.realtime.sending import Backlog
from chat.server.capacity import Budget
from chat.server.process import Process
from chat.store import InDoubt

log = logging.getLogger(__name__)


class PerRequestProcess(Process):
    """It has no thread and no socket, and holds no reader. Whatever it does, it does with its requests.

    Before each it learns what others have done, and after it, once a minute among all processes, it does what lasting
    ones do from time to time.
    """

    _is_host_noted = False

    def _open(self, opening: ExitStack, backlog: Backlog) -> None:
        runtime.choose(lasts=False)
        super()._open(opening, backlog)

    def _meet_others(self, opening: ExitStack) -> None:
        self.relay = passing_for(self.operators_config, self.store)
        self.presence = FilePresence(self._instance / "attendance.db", self.operators_config.roster_max)

    def _begin(self, opening: ExitStack) -> None:
        """Nothing goes on between requests."""

    def before_request(self) -> None:
        """Reopen a replaced database, read the log, post the inbox's rows and publish watermarks."""
        found = self._look_for_news()
        self.hub.wake(found.last_id)
        self._post_inbox(found)
        self.watermarks.publish()

    def work_after_request(self) -> Callable[[], None]:
        """Retention and presence once a minute among all processes; then this one's figures."""
        return self._finish_request

    def _finish_request(self) -> None:
        try:
            if retention.is_due(self._instance / "upkeep"):
                retention.between_requests(self.store, self.config)
                self.presence.tick()
        except (ChatError, InDoubt, OSError) as error:
            log.error("upkeep: %s", error)
        finally:
            self.note_figures()
            if not self._is_host_noted:
                self._note_host()
                self._is_host_noted = True

    def grant(self, budget: Budget) -> None:
        """Hold no readers, whatever the budget says; the command line can read it after the request."""
        super().grant(budget)
        self.streams.most = 0
        self._is_host_noted = False  # until its request is over, which shows what one takes
