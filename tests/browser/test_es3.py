"""Every script is ES3 in syntax: one modern token would kill the whole file in an old browser."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.plugin import NODE_TOOLS, needs_tool
from tests.support.serving import PATIENCE_SECONDS

TOP = Path(__file__).parents[2]
SCRIPTS = sorted([*(TOP / "static" / "js").rglob("*.js"), *(TOP / "deploy").rglob("*.js")])
# The first argument is where acorn lies; on stdin a script; on stdout why it is not ES3, if so.
PARSE = """
const acorn = require(process.argv[1]);
const script = require('fs').readFileSync(0, 'utf8');
try { acorn.parse(script, { ecmaVersion: 3, allowReserved: 'never' }); }
catch (problem) { process.stdout.write(String(problem)); }
"""

pytestmark = needs_tool("node", "acorn")


def complaint(script: str) -> str:
    acorn = str(NODE_TOOLS.parent / "acorn")
    ran = subprocess.run(["node", "--eval", PARSE, acorn], input=script, capture_output=True, text=True,
                         timeout=PATIENCE_SECONDS)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_parses_as_es3(path):
    assert complaint(path.read_text()) == ""


@pytest.mark.parametrize("modern", [
    "let a = 1", "var f = () => 1", "var o = {class: 1}", "a.catch(b)", "[1, 2,].length; ({a: 1,})", "`text`",
    "var o = {get a() { return 1; }}",
], ids=json.dumps)
def test_what_old_browsers_stumble_over_would_be_found(modern):
    assert "SyntaxError" in complaint(modern)


def test_there_are_scripts_to_parse():
    assert {"connection.js", "page.js", "start.js"} <= {path.name for path in SCRIPTS}
