"""The scripts that pages and workers load: many small files, each page's in one answer."""

import itertools
import re
import shutil
import time
from pathlib import Path

import pytest

from chat.app import create_app
from chat.core import config, resources
from chat.web import assets
from tests.support.serving import serve

FOLDER = Path(__file__).parents[3] / "static" / "js"
FILES = sorted(FOLDER.rglob("*.js"))
NAMES = [*assets.PAGES, *assets.WORKERS]
KEPT = "public, max-age=31536000, immutable"

each_script = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def lobby(visitor):
    return visitor.look("/rooms/lobby")


def part_of(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def sources(page):
    return [script["src"] for script in page.find("script")]


def test_every_file_belongs_to_a_script():
    listed = {part for parts in [*assets.PAGES.values(), *assets.WORKERS.values()] for part in parts}
    assert listed == {part_of(path) for path in FILES}


def test_no_two_files_and_no_two_parts_of_a_script_have_one_name():
    for names in ([path.name for path in FILES], *assets.PAGES.values(), *assets.WORKERS.values()):
        assert len(names) == len(set(names))


@each_script
def test_a_script_holds_each_of_its_parts_once_and_in_order(visitor, name):
    joined = visitor.get(f"/scripts/{name}").text
    parts = (assets.PAGES | assets.WORKERS)[name]
    assert re.findall(r"^/\* (\w+/\w+)\.js \*/$", joined, re.MULTILINE) == list(parts)
    at = [joined.index((FOLDER / f"{part}.js").read_text()) for part in parts]
    assert at == sorted(at)


def test_a_page_loads_one_script_and_its_worker_is_one(visitor, lobby):
    edition = assets.current().name
    assert sources(lobby) == [f"/scripts/room?v={edition}"]
    assert f'data-url-shared-worker="/scripts/shared-worker?v={edition}"' in lobby.raw
    assert sources(visitor.look("/selftest")) == [f"/scripts/selftest?v={edition}"]
    assert "importScripts" not in visitor.get("/scripts/shared-worker").text


@each_script
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_of_the_edition_that_was_asked_for_it_is_kept_for_good(visitor, name, method):
    answer = visitor.request(method, f"/scripts/{name}?v={assets.current().name}")
    assert answer.status == 200 and bool(answer.body) == (method == "GET")
    assert answer.headers["Cache-Control"] == KEPT
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert int(answer.headers["Content-Length"]) == len(assets.current().scripts[name])


@pytest.mark.parametrize("query", ["", "?v=", "?v=another"])
def test_otherwise_it_is_asked_for_anew_each_time(visitor, query):
    answer = visitor.get(f"/scripts/room{query}")
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-cache"
    again = visitor.get(f"/scripts/room{query}", If_None_Match=answer.headers["ETag"])
    assert again.status == 304 and not again.body


def test_it_comes_without_cookies_and_asks_nobody_for_a_name(alice, people):
    assert alice.token()
    assert "Set-Cookie" not in alice.get("/scripts/room").headers
    with serve(public="off", workers=1) as closed:
        assert people(closed).get("/scripts/room").status == 200


def test_no_other_file_is_a_script(visitor):
    for name in ("chat", "rooms.js", "page/page", "../js/page/page.js", "%2e%2e/static/js/page/page.js", ""):
        assert visitor.get(f"/scripts/{name}").status == 404, name


def test_below_a_path_they_are_found_as_well(people):
    with serve(workers=1, environ={"SCRIPT_NAME": "/chat"}) as server:
        visitor = people(server)
        (source,) = sources(visitor.look("/rooms/lobby"))
        assert source.startswith("/chat/scripts/room?v=")
        assert visitor.get(source.removeprefix("/chat")).headers["Cache-Control"] == KEPT


# What an upgrade replaces under a running process

@pytest.fixture
def files(tmp_path, monkeypatch):
    """The static files of a process that is starting, as a copy."""
    copy = tmp_path / "static"
    shutil.copytree(FOLDER.parent, copy)
    monkeypatch.setattr(assets, "_newest", None)
    monkeypatch.setattr(resources, "folder", {"static": copy, "templates": resources.folder("templates")}.__getitem__)
    return copy


def test_whatever_file_differs_the_edition_does(files):
    first = assets.read()
    assert first == assets.read() == assets.current()
    for path in (files / "js" / "page" / "start.js", files / "css" / "log.css"):
        before = assets.read().name
        path.write_text(path.read_text() + "\n")
        assert assets.read().name != before


def test_the_order_is_part_of_the_edition(files, monkeypatch):
    before = assets.read().name
    monkeypatch.setattr(assets, "PAGES", {name: parts[::-1] for name, parts in assets.PAGES.items()})
    assert assets.read().name != before


def test_a_process_gives_the_newer_files_that_a_newer_process_has_named(tmp_path, files):
    browser = create_app(config.load({"CHAT_INSTANCE": str(tmp_path / "instance")})).test_client()
    old = assets.current().name
    (files / "js" / "page" / "start.js").write_text("isOfTheNewer();\n")
    new = assets.read().name
    for edition, is_newer in ((old, False), (new, True)):
        answer = browser.get(f"/scripts/room?v={edition}")
        assert ("isOfTheNewer();" in answer.text) == is_newer
        assert answer.headers["Cache-Control"] == KEPT


def test_editions_that_never_were_do_not_have_the_files_read_again_and_again(tmp_path, files, monkeypatch):
    browser = create_app(config.load({"CHAT_INSTANCE": str(tmp_path / "instance")})).test_client()
    current, read, readings = assets.current(), assets.read, []
    monkeypatch.setattr(assets, "read", lambda: readings.append(time.monotonic()) or read())
    for number in range(30):
        answer = browser.get(f"/scripts/room?v=never-{number}")
        assert (answer.data, answer.headers["Cache-Control"]) == (current.scripts["room"], "no-cache")
    apart = [later - earlier for earlier, later in itertools.pairwise(readings)]
    assert readings and all(seconds >= assets.FRESH_SECONDS for seconds in apart)


def test_a_file_that_is_missing_is_missed_alone(files):
    (files / "js" / "page" / "times.js").unlink()
    room = assets.read().scripts["room"].decode()
    assert "try {\nthrow new Error('page/times.js is missing');\n} catch" in room
    assert (files / "js" / "page" / "start.js").read_text() in room
