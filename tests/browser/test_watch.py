"""The tests' own watch: what a page complains of is heard."""

import pytest

from tests.browser.windows import Desk
from tests.support.serving import eventually

MISCHIEF = [
    "document.body.appendChild(document.createElement('script')).textContent = '0'",
    "document.body.setAttribute('style', 'color: red')",
    "document.body.appendChild(new Image()).src = 'http://other.invalid/'",
    "void setTimeout(function () { throw new Error('raised') }, 0)",
    "console.error('written')",
]


def test_no_complaint_of_a_page_goes_unheard(browser, chat, carol):
    desk = Desk(browser, chat.base_url)
    hers = desk.window(carol, "lobby")
    for mischief in MISCHIEF:
        hers.complaints.clear()
        hers.page.evaluate(mischief)
        eventually(lambda: hers.page.title() and hers.complaints)
    with pytest.raises(AssertionError, match="complained"):
        desk.close()
