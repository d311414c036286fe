"""Every way to write, or to tell others something, is in the tables of flood control."""

from pathlib import Path

import pytest

from chat.app import create_app
from chat.core import addresses
from chat.core import config as configuration
from chat.web import flood


@pytest.fixture
def posts(instance: Path):
    """The endpoints that take a POST."""
    app = create_app(configuration.load({"CHAT_INSTANCE": str(instance)}))
    return {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}


def test_every_post_is_counted_or_says_why_not(posts):
    tables = [set(flood.COUNTED), set(flood.POSTS), set(flood.UNCOUNTED)]
    assert len(posts) > 15
    assert set.union(*tables) == posts
    assert sum(map(len, tables)) == len(posts), "each in one table"
    assert all(flood.UNCOUNTED.values())


def test_every_deed_has_its_rates_and_each_is_done_by_something():
    counted = {deed for deeds in flood.COUNTED.values() for deed in deeds}
    assert counted == set(flood.DEEDS)
    for name, deed in flood.DEEDS.items():
        assert deed.address.burst > 0 and deed.address.seconds > 0, name
        if deed.person is not None:
            assert deed.address.burst > deed.person.burst, name
            assert deed.address.seconds < deed.person.seconds or name == "room", name


@pytest.mark.parametrize(("address", "networks"), [
    ("192.0.2.7", ("192.0.2.7",)),
    ("::ffff:192.0.2.7", ("192.0.2.7",)),
    ("2001:db8:1:2:3:4:5:6", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
    ("2001:db8:1:ffff::1", ("2001:db8:1:ffff::/64", "2001:db8:1::/48")),
    ("unix", ()),
    (None, ()),
])
def test_of_ipv6_the_48_counts_beside_the_64(address, networks):
    assert addresses.networks_of(address) == networks
