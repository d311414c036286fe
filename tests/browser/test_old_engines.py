"""Engines that know ES5 and no more run every script: in a page, and where there is nothing of a page at all."""

import json
import subprocess
from pathlib import Path

import pytest

from chat.web import assets
from tests.support.plugin import needs_tool

TOP = Path(__file__).parents[2]
FOLDER = TOP / "static" / "js"
PARTS = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.js")]
PAGE = (Path(__file__).parent / "old_engine.js").read_text()
NO_PAGE = "var window = this, self = this, document = {};\n"
ENGINES = {"mujs": ["mujs"], "duktape": ["duk"]}

pytestmark = needs_tool("mujs", "duk")


@pytest.fixture(params=ENGINES)
def interpreter(request, tmp_path):
    """Runs a script, and returns what it printed; an error that is thrown fails the test."""
    def run(script):
        path = tmp_path / "script.js"
        path.write_text(script)
        ran = subprocess.run([*ENGINES[request.param], str(path)], capture_output=True, text=True, timeout=20)
        assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
        return ran.stdout.strip()
    run.version = request.param
    return run


def script(name):
    """As a browser gets it: all its parts."""
    return assets.current().scripts[name].decode()


def joined(names):
    return "\n".join((FOLDER / f"{name}.js").read_text() for name in names)


@pytest.mark.shows("script begins", by="interpreter")
def test_the_page_begins_in_an_old_engine(interpreter):
    report = """letTimePass(); letTimePass();
    print([Chat.supported, Chat.starters.length, sent].concat(complaints).join(' '));"""
    supported, starters, sent, *complaints = interpreter(PAGE + script("room") + report).split(" ", 3)
    assert not complaints, "nothing is thrown, not even behind a guard"
    assert supported == "true"
    assert int(starters) > 10 and int(sent) > 0, "it has begun, and asks the server"


@pytest.mark.parametrize("name", sorted(set(PARTS) - {"sharing/shared_worker"}))
def test_no_script_throws_where_there_is_no_page(interpreter, name):
    before = {"core/base": [], "page/page": ["core/base"]}.get(name, ["core/base", "page/page"])
    assert interpreter(NO_PAGE + joined([*before, name]) + "print(Boolean(Chat.supported));").endswith("false")


@pytest.mark.parametrize("lacking", ["JSON", "XMLHttpRequest", "document.querySelector", "document.addEventListener",
                                     "Array.prototype.forEach", "Date.now"])
def test_what_lacks_something_gets_the_page_without_script(interpreter, lacking):
    asked = "print(Chat.supported + ' ' + sent + ' ' + document.getElementById('plain-live').className);"
    assert interpreter(f"{PAGE}{lacking} = undefined;\n{script('room')}{asked}") == "false 0 live-frame"


EXPLORER_9 = "document.documentMode = 9;"
OPERA_MINI = """var operamini = {};
Object.prototype.toString = function () { return this === operamini ? '[object OperaMini]' : '[object]'; };"""


@pytest.mark.parametrize("sign, is_live", [(EXPLORER_9, True), (OPERA_MINI, False)])
def test_old_explorers_and_opera_mini_get_the_page_without_script(interpreter, sign, is_live):
    asked = """var place = document.getElementById('plain-live').childNodes;
    var names = []; for (var i = 1; i < place.length; i += 1) { names.push(place[i].nodeName); }
    print(Chat.supported + ' ' + sent + ' ' + names.join(' '));"""
    expected = "false 0 IFRAME A" if is_live else "false 0 A"
    assert interpreter(f"{PAGE}{sign}\n{script('room')}{asked}") == expected


def test_the_shared_worker_is_no_riddle_to_an_old_engine(interpreter):
    """Nothing old has shared workers; but it must not need to be another kind of script for that."""
    worker = json.dumps(script("shared-worker"))
    assert interpreter(f"print(typeof new Function({worker}));") == "function"


def test_a_part_that_throws_keeps_none_of_the_others_from_running(interpreter):
    name = "/* page/times.js */\ntry {\n"
    assert name in script("room")
    thrower = script("room").replace(name, f"{name}throw new Error('mine');")
    report = """print([Chat.starters.length, sent].join(' '));
    try { letTimePass(); } catch (problem) { print(problem.message); }"""
    *begun, complaint = interpreter(PAGE + thrower + report).split()
    starters, sent = map(int, begun)
    assert starters > 10 and sent > 0
    assert complaint == "mine", "it is told nevertheless"


def test_a_worker_of_which_a_part_throws_says_that_it_is_broken(interpreter):
    name = "/* line/poll.js */\n"
    assert name in script("shared-worker")
    meets = """var navigator = {}, location = {}, console = null, said = [];
    var port = { postMessage: function (word) { said.push(word.say); } };
    function setInterval() {}
    function meet() { onconnect({ ports: [port] }); port.onmessage({ data: { say: 'look', tab: '1' } }); }
    """
    assert interpreter(f"{NO_PAGE}{meets}{script('shared-worker')}meet(); print(said.join());") == "again", "a premise"
    thrower = script("shared-worker").replace(name, f"{name}throw new Error('mine');")
    parts = f"try {{ {thrower} }} catch (problem) {{ said.push(problem.message); }}"
    assert interpreter(f"{NO_PAGE}{meets}{parts} meet(); print(said.join());") == "mine,broken"


# A clock that goes on when it is told to, and with it the timers, each at its time.
CLOCK = """var now = 1000000;
Date.now = function () { return now; };
setTimeout = function (callback, ms) { return timers.push({ at: now + ms, call: callback }); };
clearTimeout = function (timer) { if (timer) { timers[timer - 1].at = NaN; } };
function pass(ms) {
    for (var until = now + ms; now < until;) {
        now += 1;
        for (var i = 0; i < timers.length; i += 1) { if (timers[i].at === now) { timers[i].call(); } }
    }
}
"""
SILENT = "{ open: function () { return function () { said.push('closed'); }; } }"
GREETING = "{ open: function (url, heard) { heard('hello', '{}'); return function () {}; } }"


@pytest.mark.parametrize(("source", "expected"), [(SILENT, "3999  4000 closed timeout"),
                                                  (GREETING, "3999 greeted 4000 greeted")], ids=["silent", "greeting"])
def test_a_stream_has_four_seconds_to_greet(interpreter, source, expected):
    attempt = f"""var said = [];
    Chat.attempt({source}, '/stream', function (what, why) {{ said.push(what === 'ended' ? why : what); }});
    pass(3999);
    var before = said.join(' ');
    pass(1);
    print(['3999', before, '4000', said.join(' ')].join(' '));"""
    begin = PAGE + joined(["core/base", "page/page", "core/elapsed", "core/request", "line/attempt"]) + CLOCK
    assert interpreter(begin + attempt) == expected


# A room whose end is in view, in which somebody says something each second.
READING = """var told = [], last = 0, start = now;
Chat.rows = { last: function () { return last; }, idOf: function (row) { return row; } };
Chat.log = { isSeen: function () { return true; } };
Chat.unread = { clear: function () {} };
Chat.net = { post: function (url, fields, heard) {
    told.push((now - start) / 1000 + ': ' + fields.id);
    heard({ isOk: true });
} };
Chat.each(Chat.starters, function (begin) { begin(); });
function listen(seconds) {
    for (var i = 0; i < seconds; i += 1) {
        last += 1;
        Chat.emit('news', {}, null);
        pass(1000);
    }
}
"""


@pytest.mark.parametrize(("states", "expected"), [
    (["live"], "0.8: 1, 5.8: 6, 10.8: 11, 15.8: 16"), (["checking"], "0.8: 1, 30.8: 31"),
    (["checking", "live"], "0.8: 1, 5.8: 6, 10.8: 11, 15.8: 16")])
def test_how_far_one_has_read_is_told_every_five_seconds_or_thirty_where_one_polls(interpreter, states, expected):
    begin = PAGE + joined(["core/base", "page/page", "room/read"]) + CLOCK + READING
    tell = "".join(f"Chat.emit('state', '{state}');" for state in states)
    seconds = 40 if states[-1] == "checking" else 20
    assert interpreter(f"{begin}{tell}listen({seconds}); print(told.join(', '));") == expected


def test_an_engine_that_knows_no_more_than_es5_runs_these(interpreter):
    """There must be nothing modern in them for all this to mean anything."""
    known = interpreter("print([typeof Promise, typeof Map, typeof Object.assign].join());")
    assert known != "function,function,function"
