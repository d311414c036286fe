"""Pytest's `--second-try`: what failed in a whole run is run once more, alone, and counts as passed if it then passes.

Such a test is printed as `unsteady: NAME`. More than a few of them fail the run, and a run that was broken off is not
tried again at all. The closing line counts over both tries.
"""

import copy
import os
import subprocess
import sys
import textwrap
from collections.abc import Generator, Iterator
from types import FrameType, TracebackType

import pytest

MAX_TRIED = 20  # where more have failed, something is broken, and each further try takes seconds
MAX_UNSTEADY = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--second-try", action="store_true", help="run what failed once more, alone")


@pytest.hookimpl(trylast=True)  # the reporter is there
def pytest_configure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if config.getoption("--second-try") and reporter and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SecondTry(config, reporter), "second-try")


class SecondTry:
    """Notes what fails, in this process or in those that it has started, and tries it again when all is over."""

    def __init__(self, config: pytest.Config, reporter: pytest.TerminalReporter) -> None:
        self._config = config
        self._reporter = reporter
        self._failed: dict[str, list[pytest.TestReport]] = {}
        self._is_collected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.setdefault(report.nodeid, []).append(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._is_collected &= not report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        is_broken_off = session.shouldfail or session.shouldstop or not self._is_collected
        if session.exitstatus != pytest.ExitCode.TESTS_FAILED or is_broken_off:
            return
        unsteady = list(self._unsteady())
        if len(unsteady) > MAX_UNSTEADY:
            self._say(f"{len(unsteady)} tests are unsteady, and only {MAX_UNSTEADY} may be: they count as failed")
            return
        for nodeid in unsteady:
            self._count_as_passed(nodeid)
        if len(unsteady) == len(self._failed):
            session.exitstatus = pytest.ExitCode.OK

    def _unsteady(self) -> Iterator[str]:
        """Those that pass when they are run again, one after another; each is said."""
        self._reporter.ensure_newline()
        self._reporter.write_sep("=", "second try, alone")
        if len(self._failed) > MAX_TRIED:
            self._say(f"{len(self._failed)} tests failed: more than {MAX_TRIED} are not tried again")
            return
        for nodeid, reports in self._failed.items():
            if any(getattr(report, "is_of_many", False) for report in reports):
                self._say(f"not tried again: {nodeid}", "What it shares with other tests ended in an error.")
                continue
            again = self._run_alone(nodeid)
            if again.returncode == pytest.ExitCode.OK:
                self._say(f"unsteady: {nodeid}", *(report.longreprtext for report in reports))
                yield nodeid
            else:
                self._say(f"failed again: {nodeid}", again.stdout + again.stderr)

    def _run_alone(self, nodeid: str) -> subprocess.CompletedProcess[str]:
        """Whatever its markers; with CI=true, so that a test which is skipped now has not passed."""
        command = [sys.executable, "-m", "pytest", "--color=no", "-m", "", nodeid]
        return subprocess.run(command, cwd=self._config.rootpath, env={**os.environ, "CI": "true"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")

    def _count_as_passed(self, nodeid: str) -> None:
        """Move a test among those that the closing line calls passed."""
        stats = self._reporter.stats
        for outcome in ("failed", "error"):
            stats[outcome] = [report for report in stats.get(outcome, []) if report.nodeid != nodeid]
            if not stats[outcome]:
                del stats[outcome]
        passed = stats.setdefault("passed", [])
        if not any(report.nodeid == nodeid for report in passed):
            report = copy.copy(self._failed[nodeid][0])
            report.outcome = "passed"
            passed.append(report)

    def _say(self, headline: str, *details: str) -> None:
        """Details are indented: whoever looks for a closing line must not find another try's."""
        self._reporter.write_line(headline)
        for detail in details:
            self._reporter.write_line(textwrap.indent(detail, "    "))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mark the report of an error that may be any test's fault; the mark goes along from process to process."""
    report = yield
    if call.when == "teardown" and call.excinfo and ends_what_is_shared(call.excinfo.value):
        report.is_of_many = True  # type: ignore[attr-defined]
    return report


def ends_what_is_shared(error: BaseException) -> bool:
    """Whether it was raised at the end of a fixture that several tests share."""
    return any(map(ends_what_is_shared, getattr(error, "exceptions", ()))) or any(
        isinstance(fixture := frame.f_locals.get("self"), pytest.FixtureDef) and fixture.scope != "function"
        for frame in frames_of(error.__traceback__))


def frames_of(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback:
        yield traceback.tb_frame
        traceback = traceback.tb_next
