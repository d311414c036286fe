"""The soak itself, in short: every way to read and to write at once, each kind of fault once, nothing lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.soak.cast import WAYS
from bench.soak.oracle import WRONGS
from bench.soak.outsiders import OUTSIDERS
from bench.soak.plan import CLOCK_STEPPED, KINDS, RESTARTS
from tests.support.plugin import needs_tool

TOP = Path(__file__).parents[2]
LIBRARY = TOP / "bench" / "soak" / "node_modules" / "eventsource"
PATIENCE_SECONDS = 220  # it takes some 80

needs_npm_library = pytest.mark.skipif(not LIBRARY.is_dir(),
                                       reason="eventsource is missing: npm install --prefix bench/soak")


@needs_tool("cc", "chromium", "curl", "node", "unshare")
@needs_npm_library
def test_nothing_is_lost_or_repeated_whatever_fails():
    command = [sys.executable, "-m", "bench.soak", "--round", "--readers", "20", "--seed", "4"]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert {wrong: results[wrong.replace(" ", "_")] for wrong in WRONGS} == dict.fromkeys(WRONGS, 0)
    assert not [words for words in results["server_complaints"] if "Error" in words], results["server_complaints"]
    # It means something only if all of this took place.
    left_out = [CLOCK_STEPPED] if sys.version_info < (3, 11) else []
    assert [words.partition(":")[0] for words in results["left_out"]] == left_out
    assert results["faults"] == dict.fromkeys(set(KINDS) - set(left_out), 1), results["fault_errors"]
    assert results["readers"].keys() == {"stream", "page", *WAYS, *OUTSIDERS}
    assert all(way["delivered"] > 0 for way in results["readers"].values()), results["readers"]
    assert results["writers"].keys() >= {"script", "form", "bot", "inbox", "command", "page"}
    assert results["acknowledged"] > 50 and results["delivered"] > 1000
    assert results["blackouts"].keys() == set(RESTARTS)
    assert results["seed"] == 4 and results["commit"] and results["machine"]["cores"]
