"""Light and dark: every pair of text and ground has at least 4.5 : 1, and the focus can be seen."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_pending import MUTED, Held, first_post

AA = 4.5
NOT_TEXT = 3.0
# Each pair of colours: what stands there, the ratio of its text to the ground below it.
RATIOS = """([selector, part]) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return canvas.getImageData(0, 0, 1, 1).data;
    };
    const over = (top, below) => [0, 1, 2].map(i => (top[i] * top[3] + below[i] * (255 - top[3])) / 255);
    const ground = node => {
        if (!node) { return [255, 255, 255]; }
        const own = rgba(getComputedStyle(node).backgroundColor);
        return own[3] === 255 ? own : over(own, ground(node.parentElement));
    };
    const light = colour => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
        const part = colour[i] / 255;
        return sum + weight * (part <= 0.04045 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4));
    }, 0);
    const opacity = node => node ? getComputedStyle(node).opacity * opacity(node.parentElement) : 1;
    return [...document.querySelectorAll(selector)].filter(node => node.getClientRects().length || part).map(node => {
        const below = ground(part && part[0] !== ':' ? node.parentElement : node);  // a ring lies around it
        const style = getComputedStyle(node, part && part[0] === ':' ? part : null);
        const text = rgba(style[part && part[0] !== ':' ? part : 'color']);
        const seen = over([text[0], text[1], text[2], text[3] * opacity(node)], below);
        const [high, low] = [light(seen), light(below)].sort((one, other) => other - one);
        return (high + 0.05) / (low + 0.05);
    });
}"""


# The characters of an element's first text, as they stand from left to right.
LEFT_TO_RIGHT = """element => {
    const text = element.firstChild;
    const left = at => {
        const range = document.createRange();
        range.setStart(text, at);
        range.setEnd(text, at + 1);
        return range.getBoundingClientRect().left;
    };
    const places = [...text.data].map((_, at) => at).filter(at => text.data[at] !== '\\u202e');
    return places.sort((one, other) => left(one) - left(other)).map(at => text.data[at]);
}"""


def ratios(window, selector, part=None):
    """Of all that the selector finds and that is shown; there must be some."""
    found = window.page.evaluate(RATIOS, [selector, part])
    assert found, f"nothing is shown at {selector}"
    return found


def expect_contrast(window, *selectors):
    weak = {selector: worst for selector in selectors if (worst := min(ratios(window, selector))) < AA}
    assert not weak, weak


def in_both_schemes(window):
    for scheme in "light", "dark":
        window.page.emulate_media(color_scheme=scheme)
        yield scheme


@pytest.fixture
def room(window, alice, hal, carol, garden):
    """Carol's window in a room in which there is something of everything."""
    alice.say("Plan: https://example.org and `code`", room=garden)
    removed = alice.say("Regretted", room=garden)
    alice.post(f"/messages/{removed['id']}/remove")
    edited = alice.say("Tpyo", room=garden)
    alice.post(f"/messages/{edited['id']}/edit", body="Typo")
    hal.post(f"/rooms/{garden}/messages", body="I am a bot")
    shed = alice.post("/rooms", name="Shed").json["slug"]
    carol.post(f"/rooms/{shed}/join")
    alice.say("Unread", room=shed)
    hers = window(carol, garden, reduced_motion="reduce", forgives="status of 403")
    expect(hers.page.locator(".badge:visible")).to_have_text("1")
    return hers


def test_what_is_said_and_what_stands_around_can_be_read(room):
    for _ in in_both_schemes(room):
        expect_contrast(room, ".text", ".text a", ".text code", ".author", ".message:not(.grouped) time",
                        ".byline .bot", ".edited", ".gone", ".avatar", ".rule.day time")
        expect_contrast(room, ".brand b", ".rooms h2", ".room-list .current a", ".room-list .unread a",
                        ".room-list .icon", ".badge", ".open-room a", ".account a", "#room-name",
                        ".people h2", "#roster-here .name", ".leave button", "#composer button", "#body")
        assert min(ratios(room, "#body", "::placeholder")) >= AA


def test_what_is_pending_failed_or_new_can_be_read(room, alice, garden):
    first_post(room, lambda route: route.fulfill(status=403, json=MUTED))
    room.say("Refused")
    room.failed.wait_for()
    held = Held(room)
    room.say("On its way")
    room.hide()
    alice.say("News", room=garden)
    expect(room.new_rule).to_be_visible()
    alice.post(f"/rooms/{garden}/typing")
    expect(room.typing).to_contain_text("alice")
    room.find("#jump").evaluate("jump => { jump.hidden = false; jump.textContent = '1 new'; }")
    for _ in in_both_schemes(room):
        expect_contrast(room, ".pending .said", ".pending .status", ".failed .said", ".failed .status",
                        ".failed .failure", ".failed .retry", ".failed .discard", ".rule.new span", "#typing", "#jump")
    held.release()


def test_the_edges_of_what_one_writes_in_and_every_dot_can_be_seen(room, window, alice, carol, garden):
    window(alice, garden)
    expect(room.here).to_have_count(2)
    for scheme in in_both_schemes(room):
        assert min(ratios(room, ".field", "borderTopColor")) >= NOT_TEXT, scheme
        assert min(ratios(room, ".roster .dot", "backgroundColor")) >= NOT_TEXT, scheme
    for path in "/rooms/new", "/sign-in", "/rooms/" + garden:
        visitor = window(reduced_motion="reduce").go(path) if "rooms/new" not in path else window(carol).go(path)
        for scheme in in_both_schemes(visitor):
            assert min(ratios(visitor, "input:not([type=hidden])", "borderTopColor")) >= NOT_TEXT, (path, scheme)


def test_every_persons_colour_bears_their_initial(room):
    room.page.evaluate("""() => {
        for (let colour = 0; colour < 12; colour += 1) {
            const square = document.createElement('span');
            square.className = 'avatar c' + colour + ' sample';
            square.textContent = 'A';
            document.querySelector('.log-inner').appendChild(square);
        }
    }""")
    assert len(ratios(room, ".sample")) == 12
    for _ in in_both_schemes(room):
        assert min(ratios(room, ".sample")) >= AA


def test_plain_pages_can_be_read(window, carol):
    hers = window(carol, reduced_motion="reduce", forgives="status of 404")
    for path in "/", "/rooms/new", "/me", "/device", "/nowhere":
        hers.go(path)
        for _ in in_both_schemes(hers):
            expect_contrast(hers, "h1, h2", "p, .hint", ".button", "a")


def test_a_problem_can_be_read(window):
    newcomer = window(reduced_motion="reduce", forgives="status of 400").go("/sign-in")
    newcomer.sign_in("\u202eevil")
    newcomer.find(".problem").wait_for()
    newcomer.expect_styled()
    for _ in in_both_schemes(newcomer):
        expect_contrast(newcomer, ".problem", "label", "input")


def test_wherever_the_focus_goes_it_can_be_seen(room):
    room.page.keyboard.press("Tab")  # a ring is for those who go by keyboard
    for stop in (".skip", ".when", "#body", "#composer button", ".brand", "#room-list a", ".open-room a",
                 ".account a", ".leave button"):
        room.find(stop).first.focus()
        assert room.page.evaluate("""() => {
            const node = document.activeElement;
            const frame = node.tagName === 'TEXTAREA' ? node.closest('.field') : node;
            const style = getComputedStyle(frame);
            const hasRing = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
            return hasRing || (frame !== node && parseFloat(style.borderTopWidth) >= 2);
        }"""), stop
        for scheme in in_both_schemes(room):
            assert min(ratios(room, ":focus", "outlineColor")) >= NOT_TEXT, (stop, scheme)


def test_the_keyboard_reaches_ones_own_acts_through_the_time(window, carol, garden):
    hers = window(carol, garden)
    hers.say("Mine")
    hers.message("Mine").locator(".when").focus()
    for _ in range(2):  # opens the menu, chooses its first item
        hers.page.keyboard.press("Enter")
    expect(hers.find(".edit-form textarea")).to_be_focused()


def test_the_first_stop_of_the_page_leads_past_the_log_to_the_composer(window, carol, garden):
    hers = window(carol, garden)
    hers.find(".skip").focus()
    hers.expect_in_view(".skip")
    hers.page.keyboard.press("Enter")
    expect(hers.composer).to_be_focused()


def test_nothing_moves_where_motion_is_not_wanted(window, carol, garden):
    hers = window(carol, garden, reduced_motion="reduce")
    moving = hers.page.evaluate("""() => [...document.querySelectorAll('*')].filter(node => {
        const style = getComputedStyle(node);
        return parseFloat(style.transitionDuration) || style.animationName !== 'none';
    }).length""")
    assert moving == 0


def test_an_address_is_read_from_the_left_whatever_its_author_put_around_it(window, alice, bob, garden):
    """With U+202E before it a link to evil.example showed as one to the bank: letters in the order of their places."""
    address = "https://evil.example/moc.knab//:sptth"
    alice.say(f"\u202esee {address} and `{address}`", room=garden)
    seen = window(bob, garden).message("see")
    for tag in "a", "code":
        assert "".join(seen.locator(f".text {tag}").evaluate(LEFT_TO_RIGHT)) == address
    assert "".join(seen.locator(".text").evaluate(LEFT_TO_RIGHT)[:3]) != "see", "premise: all else is turned around"


def test_the_state_is_silent_while_all_is_well_and_a_bar_with_words_when_not(room, garden):
    expect(room.state).to_have_text("")
    expect(room.state).to_have_attribute("role", "status")
    room.context.set_offline(True)
    expect(room.state).not_to_have_text("")
    bar = room.find("#state .notice")
    box = room.box(bar)
    assert box["height"] == 36 and box["y"] + box["height"] <= room.box("#composer")["y"]
    expect(bar.locator(".icon")).to_be_visible()
    for _ in in_both_schemes(room):
        expect_contrast(room, "#state .notice")
        assert min(ratios(room, "#state .icon")) >= NOT_TEXT
    room.context.set_offline(False)
    room.expect_live()
    expect(room.state).to_have_text("")
