"""Marks that are piled on a letter cover nothing of what others wrote."""

import base64
from typing import Any

import pytest

from tests.browser.pages import Window
from tests.browser.windows import PHONE

PILE = "Z" + "\u0301\u030b\u0307\u0316\u0323\u0332" * 60
RED_PIXELS = """async shot => {
    const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + shot)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
    canvas.drawImage(image, 0, 0);
    const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
    let red = 0;
    for (let i = 0; i < pixels.length; i += 4) { red += pixels[i] > 220 && pixels[i + 1] < 60 && pixels[i + 2] < 60; }
    return red;
}"""


def red_pixels(hers: Window, box: dict[str, float]) -> int:
    ground: Any = {side: int(length) for side, length in box.items()}
    shot = base64.b64encode(hers.page.screenshot(clip=ground)).decode()
    blank = hers.context.new_page()
    red = blank.evaluate(RED_PIXELS, shot)
    blank.close()
    return red


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_a_pile_of_marks_covers_no_other_message(window, alice, carol, garden, device):
    alice.say("What alice wrote, in peace", room=garden)
    hers = window(carol, garden, **device)
    hers.page.route("**/messages?*", lambda route: None)
    hers.composer.fill(PILE)
    hers.composer.press("Control+Enter")
    text = hers.pending.locator(".text")
    assert hers.box(text)["height"] < 60
    # How far a font piles is this machine's affair; a shadow is painted everywhere.
    text.evaluate("text => { text.style.textShadow = '0 -50px 0 red, 0 -50px 0 red'; }")
    above = hers.box(hers.messages.first)
    assert red_pixels(hers, above) == 0
    text.evaluate("text => { text.style.overflow = 'visible'; }")
    assert red_pixels(hers, above) > 0, "it is the clipping that keeps it away"


def test_a_name_of_piles_covers_nothing_either(window, chat, people, garden):
    nobody = people(chat, PILE[:100])
    nobody.say("First", room=garden)
    hers = window(nobody, garden)
    for place in ".author", ".roster li", ".account .me":
        box = hers.find(place).first
        assert box.evaluate("box => getComputedStyle(box).overflowX") in ("clip", "hidden"), place
    assert len(hers.find(".author").first.inner_text()) <= 10
