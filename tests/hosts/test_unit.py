"""The unit file for systemd: understood, and closed to whatever the chat does not need."""

import subprocess

from tests.hosts.stage import DEPLOY
from tests.support.plugin import needs_tool

MOST_EXPOSED = "20"  # of 100; systemd itself calls that OK


def analyze(*arguments):
    ran = subprocess.run(["systemd-analyze", "--no-pager", *arguments], text=True, capture_output=True, timeout=60)
    return ran.returncode, ran.stdout + ran.stderr


@needs_tool("systemd-analyze")
def test_the_unit_is_understood_and_denies_itself_what_it_does_not_need(tmp_path):
    unit = tmp_path / "longwave.service"
    text = (DEPLOY / "gunicorn-nginx" / "longwave.service").read_text()
    for program in ("longwave", "gunicorn"):  # which must be there, and would be on that machine
        text = text.replace(f"=/srv/longwave/.venv/bin/{program} ", "=/bin/true ")
    unit.write_text(text)
    assert analyze("verify", "--man=no", unit) == (0, "")
    status, words = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    assert status == 0, words
