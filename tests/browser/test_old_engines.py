"""Engines that know ES5 and no more run every script: in a page, and where there is nothing of a page at all."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.plugin import needs_tool

TOP = Path(__file__).parents[2]
FOLDER = TOP / "static" / "js"
PAGE = (Path(__file__).parent / "old_engine.js").read_text()
NO_PAGE = "var window = this, self = this, document = {};\n"
ENGINES = {"mujs": ["mujs"], "duktape": ["duk"]}

pytestmark = needs_tool("mujs", "duk")


@pytest.fixture(params=ENGINES)
def engine(request, tmp_path):
    """Runs a script, and returns what it printed; an error that is thrown fails the test."""
    def run(script):
        path = tmp_path / "script.js"
        path.write_text(script)
        ran = subprocess.run([*ENGINES[request.param], str(path)], capture_output=True, text=True, timeout=20)
        assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
        return ran.stdout.strip()
    return run


def room_scripts():
    """What the room's page loads, in its order."""
    template = (TOP / "templates" / "scripts.html").read_text()
    return re.findall(r'"(\w+)"', template)


def joined(names):
    return "\n".join((FOLDER / f"{name}.js").read_text() for name in names)


def test_the_page_begins_in_an_old_engine(engine):
    report = """letTimePass(); letTimePass();
    print([Chat.supported, Chat.starters.length, sent].concat(complaints).join(' '));"""
    supported, starters, sent, *complaints = engine(PAGE + joined(room_scripts()) + report).split(" ", 3)
    assert not complaints, "nothing is thrown, not even behind a guard"
    assert supported == "true"
    assert int(starters) > 10 and int(sent) > 0, "it has begun, and asks the server"


@pytest.mark.parametrize("name", sorted({path.stem for path in FOLDER.glob("*.js")} - {"shared_worker"}))
def test_no_script_throws_where_there_is_no_page(engine, name):
    before = {"base": [], "chat": ["base"]}.get(name, ["base", "chat"])
    assert engine(NO_PAGE + joined([*before, name]) + "print(Boolean(Chat.supported));").endswith("false")


@pytest.mark.parametrize("lacking", ["JSON", "XMLHttpRequest", "document.querySelector", "document.addEventListener",
                                     "Array.prototype.forEach", "Date.now"])
def test_what_lacks_something_gets_the_page_without_script(engine, lacking):
    script = f"{PAGE}{lacking} = undefined;\n{joined(room_scripts())}"
    asked = "print(Chat.supported + ' ' + sent + ' ' + document.getElementById('plain-live').className);"
    assert engine(script + asked) == "false 0 live-frame"


EXPLORER_9 = "document.documentMode = 9;"
OPERA_MINI = """var operamini = {};
Object.prototype.toString = function () { return this === operamini ? '[object OperaMini]' : '[object]'; };"""


@pytest.mark.parametrize("sign, is_live", [(EXPLORER_9, True), (OPERA_MINI, False)])
def test_old_explorers_and_opera_mini_get_the_page_without_script(engine, sign, is_live):
    asked = """var place = document.getElementById('plain-live').childNodes;
    var names = []; for (var i = 1; i < place.length; i += 1) { names.push(place[i].nodeName); }
    print(Chat.supported + ' ' + sent + ' ' + names.join(' '));"""
    expected = "false 0 IFRAME A" if is_live else "false 0 A"
    assert engine(f"{PAGE}{sign}\n{joined(room_scripts())}{asked}") == expected


def test_the_shared_worker_is_no_riddle_to_an_old_engine(engine):
    """Nothing old has shared workers; but it must not need to be another kind of script for that."""
    worker = json.dumps((FOLDER / "shared_worker.js").read_text())
    assert engine(f"print(typeof new Function({worker}));") == "function"


def test_an_engine_that_knows_no_more_than_es5_runs_these(engine):
    """There must be nothing modern in them for all this to mean anything."""
    assert engine("print([typeof Promise, typeof Map, typeof Object.assign].join());") != "function,function,function"
