"""One page for every engine: made better in place where script runs, left whole where it or the styles are too old."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.windows import DESKTOP, PHONE
from tests.support.serving import TOP, eventually

MARK_ROWS = """() => {
    document.isTheSame = true;
    document.querySelectorAll('#rows .message').forEach((row, index) => { row.place = index; });
}"""
# The rules between days are not among them: in the reader's own time zone a day may begin elsewhere.
MARKS = """() => [...document.querySelectorAll('#rows .message')].map(row => row.place)"""


@pytest.fixture
def busy(alice, bob, garden):
    alice.say("First\nof two lines with `code`", room=garden)
    removed = alice.say("Soon gone", room=garden)
    alice.post(f"/messages/{removed['id']}/remove")
    bob.say("Second, see https://example.org/", room=garden)
    edited = bob.say("Thrid", room=garden)
    bob.post(f"/messages/{edited['id']}/edit", body="Third")
    return garden


def test_the_page_is_made_better_in_place(window, carol, alice, busy):
    hers = window(carol)
    held = []
    hers.page.route("**/scripts/room?*", lambda route: held.append(route))
    hers.page.goto(f"{hers.base_url}/rooms/{busy}", wait_until="commit")
    expect(hers.composer).to_be_visible()
    expect(hers.messages).to_have_count(4)
    assert not hers.page.evaluate("Boolean(window.Chat && Chat.supported)"), "no script has run yet"
    hers.composer.fill("Typed before the script came")
    hers.page.evaluate(MARK_ROWS)
    eventually(lambda: hers.page.title() and held)
    held[0].continue_()
    hers.expect_live()
    assert hers.page.evaluate("document.isTheSame")
    assert hers.page.evaluate(MARKS) == [0, 1, 2, 3], "the same rows in their order, none drawn again"
    expect(hers.composer).to_have_value("Typed before the script came")
    assert not hers.find("iframe").count(), "nothing of what is for pages without script"
    alice.say("News", room=busy)
    expect(hers.message("News")).to_be_visible()
    assert hers.page.evaluate(MARKS) == [0, 1, 2, 3, None]
    expect(hers.day_rules).to_have_count(1)


TOO_OLD = {
    "no XMLHttpRequest": "delete window.XMLHttpRequest",
    "no JSON": "delete window.JSON",
    "no querySelector": "delete Document.prototype.querySelector",
    "Internet Explorer 9": "Object.defineProperty(document, 'documentMode', {value: 9})",
}


@pytest.mark.parametrize("lack", TOO_OLD)
def test_a_script_engine_that_is_too_old_has_the_page_without_script(window, carol, alice, garden, lack):
    hers = window(carol)
    hers.page.add_init_script(TOO_OLD[lack])
    hers.go(f"/rooms/{garden}")
    frame = hers.page.frame_locator("#plain-live iframe")
    expect(frame.locator(".refresh-line")).to_contain_text("New messages appear here.")
    hers.composer.fill("Half a sentence")
    alice.say("News", room=garden)
    expect(frame.locator(".message .text")).to_have_text("News")
    expect(hers.composer).to_have_value("Half a sentence")
    hers.press("Send")
    hers.expect_said("News", "Half a sentence")
    expect(hers.state).to_be_hidden()


def test_opera_mini_has_a_link_and_asks_nothing_by_itself(window, carol, alice, garden):
    hers = window(carol)
    hers.page.add_init_script("window.operamini = {get [Symbol.toStringTag]() { return 'OperaMini'; }}")
    asked = []
    hers.context.on("request", lambda request: asked.append(request.url))
    hers.go(f"/rooms/{garden}")
    link = hers.find("#plain-live").get_by_role("link", name="Refresh")
    expect(link).to_be_visible()
    for text in "News", "More news":
        alice.say(text, room=garden)
        link.click()
        expect(hers.message(text).last).to_be_visible()
    hers.page.wait_for_load_state()
    assert not [url for url in asked if re.search(r"/(refresh|poll|stream|session)(\?|$)", url)]


# Styles

MODERN = re.compile(r"[^;{}]*(?:var\(|env\(|max\(|flex|grid|\border:|calc\(|dvh|vmax|::before|unicode-bidi)[^;{}]*;")


def as_an_old_engine_reads(style):
    """The style sheet without conditional rules, custom properties, flexbox, and functions: what Explorer 9 takes."""
    kept, depth, skipping = [], 0, None
    for piece in re.split(r"(@(?:supports|media)[^{]*\{|[{}])", style):
        if piece.startswith("@supports") or "(pointer" in piece or "(hover" in piece or "prefers" in piece:
            skipping = depth if skipping is None else skipping
        depth += piece.endswith("{") - (piece == "}")
        if skipping is None:
            kept.append(piece)
        elif piece == "}" and depth == skipping:
            skipping = None
    return MODERN.sub("", "".join(kept))


@pytest.fixture
def old_window(window):
    """Opens windows in an engine whose styles are those of 2011."""
    def open_window(person, room, **options):
        opened = window(person, **options)

        def age(route):
            style = TOP.joinpath(urlsplit(route.request.url).path.removeprefix("/")).read_text()
            route.fulfill(body=as_an_old_engine_reads(style), content_type="text/css")
        opened.page.route("**/css/*.css*", age)
        return opened.go(f"/rooms/{room}")
    return open_window


def test_the_old_styles_are_old():
    old = as_an_old_engine_reads(
        ".a { color: red; color: var(--x); border: 1px; } @supports (display: flex) { .b { display: flex; } }"
        " .c { margin: 0; display: grid; } @media (max-width: 9px) { .d { float: left; } }")
    assert " ".join(old.split()) == (
        ".a { color: red; border: 1px; } .c { margin: 0; } @media (max-width: 9px) { .d { float: left; } }")


STANDS = """() => {
    const box = selector => [...document.querySelectorAll(selector)].map(node => node.getBoundingClientRect());
    const parts = ['#rows .message', '#composer', '.room-list li', '#roster-here'].flatMap(box)
        .filter(each => each.width);
    return {
        isInOrder: parts.every((each, at) => !at || each.top >= parts[at - 1].bottom - 1),
        widths: box('#rows .with-note, #rows :not(.with-note) > .text').map(each => each.width),
        isTooWide: document.documentElement.scrollWidth > window.innerWidth,
        colours: ['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name]),
        rooms: box('.room-list li').length,
    };
}"""


@pytest.mark.parametrize("options", [{"viewport": DESKTOP}, {"viewport": PHONE["viewport"]}], ids=["desktop", "phone"])
def test_without_grid_flexbox_and_custom_properties_one_reads_and_writes(old_window, carol, busy, options):
    hers = old_window(carol, busy, java_script_enabled=False, **options)
    stands = hers.page.evaluate(STANDS)
    assert stands["isInOrder"], "one below the other: the rows, the composer, the rooms, who is here"
    assert min(stands["widths"]) > 100 and not stands["isTooWide"] and stands["rooms"]
    assert stands["colours"] == ["rgb(29, 36, 33)", "rgb(251, 250, 246)"], "ink on paper"
    for panel in "#rooms", "#people":
        if options != {"viewport": DESKTOP}:
            hers.find(panel.replace("#", "#to-")).click()
        expect(hers.find(panel)).to_be_visible()
        hers.go(f"/rooms/{busy}")
    hers.composer.fill("Written the old way")
    hers.press("Send")
    expect(hers.message("Written the old way")).to_be_visible()


def test_with_script_but_old_styles_the_log_follows(old_window, carol, alice, busy):
    hers = old_window(carol, busy)
    hers.expect_live()
    for number in range(30):
        alice.say(f"Line {number}", room=busy)
    expect(hers.message("Line 29")).to_be_in_viewport()
    hers.say("Mine")
    expect(hers.message("Mine")).to_be_in_viewport()
    hers.expect_no_wider()
