"""The tables of docs/browsers.md, from what ran: python -m tests.browser.table [--write]

Run the tests before, all of them or `bin/test tests/browser`; what has not passed since stands in no table.
"""

import json
import re
import sys
from pathlib import Path

from tests.browser.claims import KEPT, claims

TOP = Path(__file__).parents[2]
DOCUMENT = TOP / "docs" / "browsers.md"
CACHE = TOP / ".pytest_cache" / "v"
STEPS = ("stream", "stream by XMLHttpRequest", "held poll", "short poll", "page refresh", "without script",
         "script begins", "no network", "shared by tabs", "back/forward cache", "sign in, post", "edit, remove")
MARK = re.compile(r"(?<=<!-- ran -->\n).*?(?=<!-- /ran -->)", re.DOTALL)


def main() -> None:
    tables = as_markdown(json.loads((CACHE / KEPT).read_text()))
    if "--write" in sys.argv:
        DOCUMENT.write_text(MARK.sub(lambda _: tables, DOCUMENT.read_text()))
    else:
        print(tables)


def as_markdown(ran: dict[str, list[list[str]]]) -> str:
    """`ran` has for each test that passed the browsers and steps that it led through."""
    shown: dict[str, set[str]] = {}
    for pairs in ran.values():
        for browser, step in pairs:
            shown.setdefault(browser, set()).add(step)
    lines = [row("browser", *STEPS), row(*["---"] * (1 + len(STEPS)))]
    lines += [row(browser, *("ran" if step in shown[browser] else "" for step in STEPS)) for browser in sorted(shown)]
    lines += ["", row("step", "the tests that show it"), row("---", "---")]
    passed = {re.sub(r"^.*/|\.py|\[.*", "", test) for test in ran}
    for step in STEPS:
        tests = [f"`{claim.test}`" for claim in claims() if claim.step == step and claim.test in passed]
        lines.append(row(step, ", ".join(tests)))
    return "\n".join(lines) + "\n"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
