"""Marks that are piled on a letter cover nothing of what others wrote."""

from typing import Any

import pytest

from tests.browser.windows import PHONE

PILE = "Z" + "\u0301\u030b\u0307\u0316\u0323\u0332" * 60


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_a_pile_of_marks_covers_no_other_message(window, alice, carol, garden, device):
    alice.say("What alice wrote, in peace", room=garden)
    hers = window(carol, garden, **device)
    hers.page.route("**/messages?*", lambda route: None)
    seen = []
    for text, shadow in ("Z", "none"), (PILE, "0 -50px 0 red"):
        hers.composer.fill(text)
        hers.composer.press("Control+Enter")
        # How far a font piles is this machine's affair, a shadow is painted everywhere.
        hers.pending.locator(".text").evaluate("(text, shadow) => { text.style.textShadow = shadow; }", shadow)
        above, text_box = hers.box(hers.messages.first), hers.box(hers.pending.locator(".text"))
        ground: Any = {side: int(length) for side, length in above.items()}
        seen.append((above, text_box["height"], hers.page.screenshot(clip=ground, animations="disabled")))
        hers.page.evaluate("Chat.outbox.discard(Chat.outbox.all()[0].clientId)")
    assert seen[0] == seen[1]


def test_a_name_of_piles_covers_nothing_either(window, chat, people, garden):
    nobody = people(chat, PILE[:100])
    nobody.say("First", room=garden)
    hers = window(nobody, garden)
    for place in ".author", ".roster li", ".account .me":
        box = hers.find(place).first
        assert box.evaluate("box => getComputedStyle(box).overflowX") in ("clip", "hidden"), place
    assert len(hers.find(".author").first.inner_text()) <= 10
