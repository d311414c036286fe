"""bin/test installs what the tests need, in one call and without starting services, or says what to type."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.shell.checkout import alone, copy_checkout, environment
from tests.support.plugin import needs_tool

# Writes down each call, and whether a package could have started its service; installs nothing.
APT_GET = '''#!/bin/sh
echo "$*; services $(/usr/sbin/policy-rc.d >/dev/null; [ $? = 101 ] && echo forbidden || echo allowed)" >>"$CALLS"
case "$*" in *install*) exit 100 ;; esac
'''


@pytest.fixture
def lacking(tmp_path) -> Path:
    """A checkout whose tests need two packages more than there are."""
    place = copy_checkout(tmp_path / "checkout")
    with (place / "tests" / "system-packages.txt").open("a") as packages:
        packages.write("no-such-command  one\n-  two\n")
    return place


def run_tests(place: Path, *prefix: str, **environ: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([*prefix, place / "bin" / "test"], env=environment(PYTHON="no-python", **environ),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@needs_tool("unshare")
def test_root_installs_in_one_call_with_services_forbidden(lacking, tmp_path):
    programs, calls = tmp_path / "programs", tmp_path / "calls"
    programs.mkdir()
    (programs / "apt-get").write_text(APT_GET)
    (programs / "apt-get").chmod(0o755)
    # /usr/sbin of their own, so that the machine's is left alone; the old answer there must come back.
    script = '''mount -t tmpfs tmpfs /usr/sbin && echo theirs >/usr/sbin/policy-rc.d
PATH="$0:$PATH" "$@"; cat /usr/sbin/policy-rc.d; ls /usr/sbin'''
    result = run_tests(lacking, *alone("--mount"), "sh", "-c", script, str(programs), CALLS=calls)
    assert calls.read_text().splitlines() == [
        "-qq update; services forbidden",
        "-qq install --yes --no-install-recommends one two; services forbidden",
    ]
    assert result.stdout.splitlines() == ["theirs", "policy-rc.d"]


@needs_tool("unshare")
@pytest.mark.skipif(not shutil.which("apt-get"), reason="not a Debian")
def test_anybody_else_is_told_the_command(lacking):
    result = run_tests(lacking, "unshare", "--user")
    assert result.stdout.strip() == "Some tests need more; to run them too, type: sudo apt install one two"
    assert result.stderr.startswith("There is no no-python")
