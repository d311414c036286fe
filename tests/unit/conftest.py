"""What tests of the parts share."""

import tempfile
from pathlib import Path

import pytest

from tests.serving import MEMORY


@pytest.fixture
def instance():
    """The folder of a chat, in memory, where nobody waits for a disk."""
    with tempfile.TemporaryDirectory(prefix="longwave-", dir=MEMORY) as folder:
        yield Path(folder)
