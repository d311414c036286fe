"""docs/browsers.md says what ran: its tables name the tests that claim a step, and no more than they claim."""

from tests.browser.claims import HERE, claims
from tests.browser.engines import ENGINES
from tests.browser.table import DOCUMENT, STEPS, as_markdown
from tests.checks.test_documents import between, code, rows

RAN = between(DOCUMENT.read_text(), "ran")
ENGINES_AS_CALLED = ("Chromium", "Firefox", "WebKitGTK")


def test_every_step_is_shown_and_the_table_names_exactly_the_tests_that_show_it():
    claimed = {step: {claim.test for claim in claims() if claim.step == step} for step in STEPS}
    assert all(claimed.values()), "a step that no test shows"
    assert {claim.step for claim in claims()} == set(STEPS), "a step that the table does not know"
    assert {step: set(code(tests)) for step, tests in rows(RAN, "step")} == claimed, \
        "run the tests of tests/browser, then python -m tests.browser.table --write"


def test_a_test_that_takes_all_engines_stands_in_the_row_of_each():
    cells = {browser.split(" ")[0]: dict(zip(STEPS, ran, strict=True)) for browser, *ran in rows(RAN, "browser")}
    assert len(ENGINES_AS_CALLED) == len(ENGINES)
    of_all = {claim.step for claim in claims() if claim.is_of_engines}
    for browser in ENGINES_AS_CALLED:
        assert {step for step, ran in cells[browser].items() if ran == "ran"} == of_all


def test_tests_that_are_named_elsewhere_in_it_are_there():
    names = {path.stem for path in HERE.glob("test_*.py")}
    outside = DOCUMENT.read_text().replace(RAN, "")
    assert {name for name in code(outside) if name.startswith("test_")} <= names


def test_a_step_is_in_the_table_when_its_test_has_passed():
    test = next(claim for claim in claims() if claim.step == "stream").test
    table = as_markdown({f"tests/browser/{test.replace('::', '.py::')}[x]": [["Mosaic 2", "stream"]]})
    assert rows(table, "browser")[0][:3] == ["Mosaic 2", "ran", ""]
    assert dict(map(tuple, rows(table, "step")))["stream"] == f"`{test}`"
