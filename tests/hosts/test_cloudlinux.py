"""A host at CloudLinux's limits, 20 requests at once and 1 GB: forty browsers chat there, and nobody sees a 508."""

import pytest

from tests.hosts.cloudlinux import MEGABYTES, PROCESSES, stay
from tests.hosts.kinds import a_host, missing_tools
from tests.support.plugin import needs_tool

KIND = "Apache, Passenger"
READERS = 40
SECONDS = 90

pytestmark = [needs_tool("node"), pytest.mark.skipif(bool(missing_tools(KIND)), reason="see tests/system-packages.txt")]


def test_forty_browsers_chat_and_nobody_is_refused(system_python):
    # Without head files: every poll of everybody is a request to the app. Hurried: its cores are not other tests'.
    with a_host(KIND, system_python, has_heads=False, is_hurried=True) as host:
        came_to = stay(host, SECONDS, READERS)
    crowd = came_to.crowd
    assert came_to.limit.refused == []
    assert crowd.failed == []
    assert came_to.verdict.is_clean, came_to.verdict.examples
    assert all(reader.acknowledged_at for reader in crowd.readers), "each has said something"
    assert came_to.megabytes < MEGABYTES and came_to.processes < PROCESSES
