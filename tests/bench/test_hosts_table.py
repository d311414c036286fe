"""Rows of docs/hosts.md are put in their place by the command that measured them."""

from bench.hosts import HOW, row, write
from tests.hosts.kinds import KINDS

HEAD = ("host", "held")
PAGE = "Before\n\n<!-- hosts -->\n{}<!-- /hosts -->\n\nAfter\n"
TABLE = "| host | held |\n| --- | --- |\n"


def test_every_kind_of_host_says_how_it_is_started():
    assert list(HOW) == list(KINDS)


def test_a_row_takes_the_place_of_the_one_before_and_others_stay(tmp_path):
    document = tmp_path / "hosts.md"
    document.write_text(PAGE.format("| host | of another kind |\n|---|---|\n| waitress | 1 |\n"))
    for cells in (("waitress", "11"), ("Apache, Passenger", "0"), ("waitress", "12")):
        write(document, "hosts", HEAD, row(*cells))
    assert document.read_text() == PAGE.format(f"{TABLE}| Apache, Passenger | 0 |\n| waitress | 12 |\n")


def test_figures_that_are_no_hosts_keep_their_order(tmp_path):
    document = tmp_path / "hosts.md"
    document.write_text(PAGE.format(""))
    for cells in (("b", "1"), ("a", "2"), ("b", "3")):
        write(document, "hosts", HEAD, row(*cells))
    assert document.read_text() == PAGE.format(f"{TABLE}| b | 3 |\n| a | 2 |\n")
