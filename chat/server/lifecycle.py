"""From the app's settings to the process that answers its requests: started in the form that its host needs."""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from chat.core import addresses
from chat.core.config import Config
from chat.realtime.sending import Backlog
from chat.server import capacity
from chat.server.capacity import LASTING, Budget, Host
from chat.server.process import Process
from chat.store import trouble

log = logging.getLogger(__name__)


class Lifecycle:
    """What the app has before its first request and before any fork: it starts a `Process`, once in each, and stops it.

    Before the start our workers tell what they know: `processes`, how many the server has, and by `settle` the budget
    of each. For other servers `learn` finds out from a request.
    """

    def __init__(self, config: Config) -> None:
        self.operators_config = config
        self.backlog = Backlog()
        self.processes: int | None = None
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._started_in: int | None = None
        self._budget: Budget | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a process to answer with; one that was started before a fork is not this one's."""
        return self._started_in == os.getpid()

    @property
    def process(self) -> Process:
        """The process that was started; only while `is_open`."""
        assert self._process is not None, "nothing was started"
        return self._process

    def start(self, host: Host = LASTING) -> None:
        """Open everything, once in each process. Raises ChatError `busy` when the database is another version's."""
        if self.is_open:
            return
        with self._lock:
            if not self.is_open:
                with trouble.refusing(log):
                    self._process = _form_for(host)(
                        self.operators_config, self.backlog, host.poll_interval_ms, self._budget
                    )
                self._started_in = os.getpid()

    def stop(self) -> None:
        """Let go of everything that `start` opened; where nothing is open, do nothing."""
        if self.is_open:
            try:
                self.process.stop()
            finally:
                self._started_in = None  # not before, or a request could open a second process beside it

    @property
    def config(self) -> Config:
        """The settings in force: the operator's, with the owner's over them once the store is open."""
        return self.process.config if self.is_open else self.operators_config

    def network_of(self, environ: Mapping[str, Any]) -> str | None:
        """The network that a request counts for; None if it comes from a trusted proxy itself, or limits are off."""
        network: str | None = environ.get(addresses.NETWORK)
        return network if self.config.limits else None

    def settle(self, budget: Budget) -> None:
        """Let the process hold as many readers as the budget says, now or once it is started."""
        self._budget = budget
        if self.is_open:
            self.process.grant(budget)

    def learn(self, environ: Mapping[str, Any]) -> None:
        """Find out the budget from a first request, unless a worker of ours has set it."""
        if self._budget is None:
            self.settle(capacity.budget(environ, capacity.facts(environ, self.processes)))

    def work_after_request(self, is_end: bool) -> Callable[[], None] | None:
        """The work to do once the request is answered, or None; with `is_end` the process is stopped after it."""
        work = self.process.work_after_request() if self.is_open else None
        return partial(self._finish, work, is_end) if work is not None else None

    def _finish(self, work: Callable[[], None], is_end: bool) -> None:
        if not self.is_open:
            return
        try:
            work()
        finally:
            if is_end:
                self.stop()

    def say_bye(self, over_seconds: float = 0.0) -> None:
        """Ask every reader to come back, spread over so many seconds; another process will take over."""
        if self.is_open:
            self.process.hub.close("restart", over_seconds)


def _form_for(host: Host) -> type[Process]:
    """Imported late: a process that ends with its request needs but one of them, and not what the other needs."""
    if host.lasts:
        from chat.server.lasting_process import LastingProcess

        return LastingProcess
    from chat.server.per_request_process import PerRequestProcess

    return PerRequestProcess
