"""Private files are requested as a stranger would request them; any that arrives is reported."""

from pathlib import Path

import pytest

from chat.runtime import http_probe
from chat.server import exposure


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    folder = tmp_path / "public_html" / "longwave" / "instance"
    folder.mkdir(parents=True)
    return folder


class Site:
    """A web server that serves all files below a folder, if it has one; all other addresses are 404."""

    def __init__(self, url: str, root: Path | None) -> None:
        self.url, self.root = url, root
        self.asked: list[str] = []

    def __call__(self, address: str) -> bytes | None:
        self.asked.append(address)
        path = self.root / address.removeprefix(self.url) if self.root and address.startswith(self.url) else None
        return path.read_bytes() if path and path.is_file() else b""


@pytest.mark.parametrize(("url", "root", "address"), [
    ("https://example.org/", "public_html", "https://example.org/longwave/instance/canary"),
    ("https://example.org/longwave/", "public_html/longwave", "https://example.org/longwave/instance/canary"),
    ("http://localhost:8080/", "public_html/longwave", "http://localhost:8080/instance/canary"),
    ("https://example.org/", "public_html/longwave/instance", "https://example.org/canary"),
    ("https://example.org/~alice/", "", "https://example.org/~alice/public_html/longwave/instance/canary")])
def test_wherever_the_folder_is_served_it_is_found(instance, tmp_path, url, root, address):
    found = exposure.look(instance, url, Site(url, tmp_path / root))
    assert found.exposed == [address] and found.is_answered
    assert (instance / "canary").stat().st_mode & 0o077 == 0


def test_the_program_s_own_files_are_asked_for_too(instance):
    top = Path(exposure.__file__).parents[2]
    found = exposure.look(instance, "https://example.org/", Site("https://example.org/", top))
    assert found.exposed == ["https://example.org/chat/cli.py"]


def test_where_nothing_is_served_nothing_is_reported_and_the_result_is_good_for_an_hour(instance):
    site = Site("https://example.org/", None)
    now = [1000.0]
    for _ in range(3):
        assert exposure.look(instance, site.url, site, lambda: now[0]).exposed == []
    asked = len(site.asked)
    assert 0 < asked <= 8
    now[0] += http_probe.GOOD_SECONDS + 1
    exposure.look(instance, site.url, site, lambda: now[0])
    assert len(site.asked) == 2 * asked


def test_what_was_found_is_looked_at_anew_each_time(instance, tmp_path):
    url = "https://example.org/"
    assert exposure.look(instance, url, Site(url, tmp_path)).exposed
    assert exposure.look(instance, url, Site(url, None)).exposed == []


def test_a_page_that_is_answered_for_every_address_is_no_alarm(instance):
    assert exposure.look(instance, "https://example.org/", lambda address: b"<h1>Welcome</h1>").exposed == []


def test_a_site_that_does_not_answer_is_said_to_be_unknown(instance):
    found = exposure.look(instance, "http://127.0.0.1:9/")
    assert found.exposed == [] and not found.is_answered
    assert exposure.last_found(instance) == found


def test_a_damaged_note_counts_as_missing(instance):
    (instance / exposure.FOUND).write_text("{")
    assert exposure.last_found(instance) is None
