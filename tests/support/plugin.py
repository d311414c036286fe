"""Pytest's side of bin/test: which tests need which tool, in what order they run, and how many did NOT run."""

import os
import shutil
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NODE_TOOLS = TESTS / "browser" / "node_modules" / ".bin"
PACKAGES = TESTS / "system-packages.txt"

# The quick ones first, then the long ones, so that several processes end together; the seconds that a folder may take
# on two cores, where a limit was set.
FOLDERS: dict[str, int | None] = {"checks": None, "unit": 180, "contract": 60, "bench": None, "soak": 120,
                                "shell": None, "server": None, "hosts": 300, "browser": None, "pythons": None}

not_run: list[str] = []
seconds_of: defaultdict[str, float] = defaultdict(float)


def needs_tool(*commands: str) -> pytest.MarkDecorator:
    """Skip, saying what to install, where one of these commands is missing; with CI=true that is a failure."""
    missing = [command for command in commands if not find_tool(command)]
    reason = "; ".join(f"{command} is missing: {install_command(command)}" for command in missing)
    return pytest.mark.skipif(bool(missing), reason=reason)


def find_tool(command: str) -> str | None:
    """The path of a command, of the system's or of tests/browser's npm packages."""
    return shutil.which(command) or shutil.which(command, path=NODE_TOOLS)


def install_command(command: str) -> str:
    rows = [line.split() for line in PACKAGES.read_text().splitlines() if line.strip()]
    packages = [row[1] for row in rows if row[0] == command]
    return f"apt install {packages[0]}" if packages else "npm install --prefix tests/browser"


def folder_of(nodeid: str) -> str:
    """The folder below tests/ that a test lies in: "unit" for tests/unit/core/test_text.py::test_links."""
    parts = nodeid.split("::")[0].split("/")
    return parts[parts.index("tests") + 1] if "tests" in parts[:-1] else ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    order = list(FOLDERS)
    for item in items:
        folder = folder_of(item.nodeid)
        if folder in ("server", "shell", "browser", "soak"):
            item.add_marker(folder)
    items.sort(key=lambda item: order.index(folder) if (folder := folder_of(item.nodeid)) in order else 0)
    if hasattr(config, "workerinput"):
        mix(items)


def mix(items: list[pytest.Item]) -> None:
    """The files of all folders in turns, if several processes share them: some mostly wait, others compute."""
    files: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for item in items:
        files[folder_of(item.nodeid)][item.nodeid.split("::")[0]] = None
    ranks = {file: number / len(those) for those in files.values() for number, file in enumerate(those)}
    items.sort(key=lambda item: ranks[item.nodeid.split("::")[0]])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    seconds_of[folder_of(report.nodeid)] += report.duration
    note_skip(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    note_skip(report)


def note_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        not_run.append(report.nodeid)


@pytest.hookimpl(wrapper=True)  # after a second try, which may have found the run good
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    yield
    if not_run and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    spent = [f"{folder} {seconds_of[folder]:.0f}" + (f" of {limit}" if limit else "")
             for folder, limit in FOLDERS.items() if folder in seconds_of]
    if len(spent) > 1:
        terminalreporter.write_line(f"Seconds: {', '.join(spent)}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line of all, where it cannot be overlooked."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not_run and reporter:
        verdict = " (with CI=true that is a failure)" if os.environ.get("CI") == "true" else ""
        reporter.write_line(f"{len(not_run)} {'test' if len(not_run) == 1 else 'tests'} NOT run{verdict}")
