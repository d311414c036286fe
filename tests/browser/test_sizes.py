"""Large and small screens: what one needs is always in view, and big enough for a finger."""

import pytest
from playwright.sync_api import expect

from tests.browser.windows import PHONE
from tests.support.serving import eventually

WORD = "Donaudampfschifffahrtsgesellschaft" * 12
FINGER_PX = 44


@pytest.fixture
def busy(alice, garden):
    """A room with more than a screen of talk."""
    token = alice.token()
    for number in range(30):
        alice.post(f"/rooms/{garden}/messages", token=token, body=f"Line {number}, and some more of it to read")
    return garden


def size(width, height):
    return {"width": width, "height": height}


def bottom(box):
    return box["y"] + box["height"]


SIZES = [(1180, 860), (800, 600), (844, 390), (390, 844), (390, 420), (320, 568), (240, 400)]


def test_composer_and_last_message_are_in_view_at_every_size(window, carol, busy):
    hers = window(carol, busy)
    hers.jump_to_end()
    for width, height in SIZES:
        hers.page.set_viewport_size(size(width, height))
        expect(hers.message("Line 29")).to_be_in_viewport(ratio=1)
        for part in "#composer", "#body", "#composer button", "#room-name":
            hers.expect_in_view(part)
        eventually(lambda: bottom(hers.box(hers.message("Line 29"))) <= hers.box("#composer")["y"])
        hers.expect_no_wider()


def test_the_last_message_stays_in_view_when_the_keyboard_opens(window, carol, busy):
    hers = window(carol, busy, **PHONE)
    hers.jump_to_end()
    hers.composer.focus()
    hers.page.set_viewport_size(size(390, 420))
    expect(hers.message("Line 29")).to_be_in_viewport(ratio=1)
    hers.expect_in_view("#composer")
    hers.composer.fill("A text\nof several\nlines")
    expect(hers.message("Line 29")).to_be_in_viewport(ratio=1)
    hers.expect_in_view("#composer button")


def test_long_words_and_names_do_not_widen_the_page(window, people, chat, garden):
    longest = people(chat, "W" * 32)
    longest.say(f"{WORD}\n`{WORD}`\nhttps://example.org/{WORD}", room=garden)
    hers = window(longest, garden, viewport=size(320, 568))
    hers.messages.wait_for()
    hers.expect_no_wider()
    assert hers.find("#log").evaluate("log => log.scrollWidth <= log.clientWidth")


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_sites_name_has_as_much_room_below_as_above(window, visitor, device):
    his = window(visitor, **device).go("/help")
    around, name = his.box(".masthead"), his.box(".masthead .mark")
    above, line_below = name["y"] - around["y"], 1
    assert abs(around["height"] - line_below - name["height"] - 2 * above) <= 2


def test_a_line_of_text_has_at_most_74_characters(window, carol, garden):
    carol.say("a" * 60 + " " + "n " * 200, room=garden)
    hers = window(carol, garden, viewport=size(1900, 900))
    width = hers.box(hers.texts.first)["width"]
    average = hers.texts.first.evaluate("""text => {
        const ruler = document.createElement('span');
        ruler.textContent = 'the quick brown fox jumps over the lazy dog';
        ruler.style.whiteSpace = 'nowrap';
        text.appendChild(ruler);
        return ruler.getBoundingClientRect().width / ruler.textContent.length;
    }""")
    assert 50 <= width / average <= 80


class TestOnAPhone:
    @pytest.fixture
    def phone(self, window, alice, carol, busy):
        window(alice, busy)
        hers = window(carol, busy, reduced_motion="reduce", **PHONE)  # what appears is there at once
        expect(hers.find("#to-people")).to_have_text("2 here")
        hers.jump_to_end()
        return hers

    def test_rooms_and_people_are_behind_their_buttons(self, phone):
        expect(phone.find("#rooms")).to_be_hidden()
        phone.find("#to-rooms").tap()
        expect(phone.find("#rooms .close")).to_be_focused()
        phone.find("#rooms .close").tap()
        expect(phone.find("#rooms")).to_be_hidden()
        expect(phone.find("#to-rooms")).to_be_focused()
        phone.find("#to-people").tap()
        expect(phone.here).to_have_text(["carol", "alice"])
        phone.scroll_log("0")
        link = phone.box(phone.messages.first.locator(".when"))
        assert link["x"] + 5 < phone.box("#people")["x"]
        phone.page.touchscreen.tap(link["x"] + 5, link["y"] + 5)  # in the shade beside it
        expect(phone.find("#people")).to_be_hidden()
        expect(phone.heading).to_have_text("Garden")
        phone.find("#to-people").tap()
        phone.page.keyboard.press("Escape")
        expect(phone.find("#people")).to_be_hidden()
        expect(phone.find("#to-people")).to_have_attribute("aria-expanded", "false")

    def test_whatever_is_to_be_touched_is_big_enough(self, phone):
        phone.composer.fill("Mine")
        phone.press("Send")
        phone.message("Mine").wait_for()
        too_small = self._too_small(phone)
        phone.find("#to-rooms").tap()
        expect(phone.find("#rooms .close")).to_be_focused()
        too_small += self._too_small(phone)
        phone.find("#rooms .close").tap()
        phone.find("#to-people").tap()
        expect(phone.find("#people .close")).to_be_focused()
        too_small += self._too_small(phone)
        assert not too_small

    def test_plain_pages_fit_and_their_buttons_are_big_enough(self, phone):
        for path in ("/", "/rooms/new", "/me", "/device", "/sign-in", "/nowhere"):
            phone.go(path)
            phone.expect_no_wider()
            assert not self._too_small(phone), path
        phone.complaints.clear()  # the browser's own word about /nowhere

    def test_acts_are_behind_one_button(self, phone):
        phone.composer.fill("Mine")
        phone.press("Send")
        row = phone.message("Mine")
        row.locator(".more").tap()
        phone.expect_in_view(phone.menu)
        assert not self._too_small(phone)
        phone.menu.get_by_role("menuitem", name="Edit").tap()
        field = phone.find(".edit-form textarea")
        field.fill("Mine, edited")
        phone.page.get_by_role("button", name="Save").tap()
        expect(phone.message("Mine, edited")).to_be_visible()

    @staticmethod
    def _too_small(window):
        """What can be touched but stands in no sentence, with its size."""
        return window.page.evaluate("""finger => {
            const found = [];
            document.querySelectorAll('button, a, input, select, textarea').forEach(node => {
                const box = node.getBoundingClientRect();
                const style = getComputedStyle(node);
                const isShown = box.width && box.height && style.visibility === 'visible' && style.opacity !== '0' &&
                    box.bottom > 0 && box.top < innerHeight && node.type !== 'hidden';
                const top = isShown && document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
                const isCovered = !top || !(node.contains(top) || top.contains(node));
                const isInText = node.closest('.text, .byline, .skip, .refresh-line, h1');
                if (isCovered || isInText || node.type === 'radio' || node.type === 'checkbox') { return; }
                if (box.height < finger - 0.5) { found.push(node.outerHTML.slice(0, 80) + ' ' + box.height); }
            });
            return found;
        }""", FINGER_PX)


def test_without_script_the_panels_open_by_their_links(window, carol, busy):
    plain = window(carol, java_script_enabled=False, **PHONE).go(f"/rooms/{busy}")
    expect(plain.find("#rooms")).to_be_hidden()
    plain.find("#to-rooms").click()
    expect(plain.find("#rooms")).to_be_visible()
    plain.find("#rooms .close").click()
    expect(plain.find("#rooms")).to_be_hidden()
    plain.expect_in_view("#composer")
