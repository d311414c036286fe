"""Links as QR codes."""

import re
import subprocess
import sys
from pathlib import Path

from chat.web import qr

TOP = Path(__file__).parents[3]
LINK = "https://chat.example.org/device?code=" + 32 * "x"
# The square in three corners by which cameras find a code: 7 by 7 modules, dark, light, and 3 by 3 dark within.
FINDER = ("#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######")


def modules(svg):
    """The picture as rows of # and space."""
    size = int(re.search(r'd="M0 0h(\d+)v', svg)[1])
    rows = [[" "] * size for _ in range(size)]
    x = y = 0.0
    path = re.search(r'stroke="#000" d="([^"]+)', svg)[1]
    for step, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?: ?(-?[\d.]+))?", path):
        if step == "h":
            rows[int(y)][int(x):int(x) + int(first)] = "#" * int(first)
            x += int(first)
        else:
            x, y = (float(first), float(second)) if step == "M" else (x + float(first), y + float(second))
    return ["".join(row) for row in rows]


def test_the_code_is_dark_on_white_with_a_quiet_zone_and_finder_patterns():
    rows = modules(qr.svg(LINK))
    assert not any(row.strip() for row in rows[:4] + rows[-4:]), "a quiet zone of four modules"
    assert all(row[:4].isspace() and row[-4:].isspace() for row in rows)
    inner = [row[4:-4] for row in rows[4:-4]]
    assert tuple(row[:7] for row in inner[:7]) == FINDER
    assert tuple(row[-7:] for row in inner[:7]) == FINDER
    assert tuple(row[:7] for row in inner[-7:]) == FINDER


def test_another_link_has_another_code():
    assert qr.svg(LINK) == qr.svg(LINK) != qr.svg(LINK + "y")


def test_a_link_too_long_for_cameras_has_no_code():
    assert qr.svg("https://" + 500 * "x") is None


def test_without_the_package_there_is_only_the_link(monkeypatch):
    monkeypatch.setitem(sys.modules, "segno", None)
    assert qr.svg(LINK) is None


def test_the_library_is_imported_only_when_a_link_is_made():
    code = "import sys, chat.app; sys.exit('segno' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=TOP).returncode == 0
