import pytest

from tests.shell.checkout import copy_checkout, started


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy, not yet installed, in a folder with a space in its name."""
    return copy_checkout(tmp_path_factory.mktemp("long wave"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A copy that was started once and stopped."""
    place = copy_checkout(tmp_path_factory.mktemp("installed in"))
    with started(place) as first:
        assert "Installing into" in first.said
    return place
