"""No page scrolls sideways, at whatever width and text size, and names as long as they may be push nothing out."""

import pytest
from playwright.sync_api import expect

from tests.support.clients import Person
from tests.support.serving import serve

WIDE = "W" * 60  # a room's name without a space, in the widest letters
SIZES = {"320": (320, 1), "390": (390, 1), "1280": (1280, 1), "320, text twice as large": (320, 2)}
# What one sees beyond the window's edges, unless something before that clips it.
BEYOND = """() => {
    const width = document.documentElement.clientWidth;
    const isClipped = node => {
        for (let above = node.parentElement; above && above !== document.body; above = above.parentElement) {
            const box = above.getBoundingClientRect();
            if (getComputedStyle(above).overflowX !== 'visible' && box.right <= width + 1) { return true; }
        }
        return false;
    };
    const found = [...document.body.querySelectorAll('*')].filter(node => {
        const box = node.getBoundingClientRect();
        return box.width > 1 && box.height > 1 && (box.right > width + 1 || box.left < -1) && !isClipped(node)
            && !node.closest('.skip, .unseen, svg');
    }).map(node => `${node.tagName}.${node.className} ${Math.round(node.getBoundingClientRect().right)}`);
    const all = document.documentElement.scrollWidth;
    return (all > width ? [`scrolls to ${all}`] : []).concat(found).slice(0, 6);
}"""


@pytest.fixture(scope="module")
def crowded():
    with serve(workers=1, look_seconds=0, site_name=WIDE) as server, Person(server) as owner, Person(server) as dave:
        owner.sign_in("M" * 32)
        owner.post("/owner/claim", code=(server.instance / "owner-code").read_text().strip())
        owner.post("/owner/settings", CHAT_WELCOME="Wel" * 100)
        dave.sign_in("W" * 32)
        owner.post("/rooms", name=WIDE, slug="w" * 40, topic="T" * 200)
        owner.post("/rooms", name="W" * 59 + "X", topic="T " * 99)
        owner.post(f"/owner/rooms/{'w' * 40}/close")
        message = dave.say("V" * 400)
        dave.post(f"/rooms/{'w' * 40}/join")
        owner.post(f"/owner/people/{dave.user['id']}/ban", reason="R" * 200)
        yield server, owner, message["id"]


@pytest.fixture
def look(crowded, browser):
    server, owner, number = crowded
    opened = []

    def windows(size, who=owner, **options):
        width, text_size = SIZES[size]
        context = browser.new_context(base_url=server.base_url, viewport={"width": width, "height": 700}, **options)
        opened.append(context)
        if who:
            context.add_cookies([{"name": name, "value": value, "url": server.base_url}
                                 for name, value in who.cookies.items()])
        page = context.new_page()
        if text_size == 2:
            page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
        return page

    yield windows
    for context in opened:
        context.close()


PAGES = ("/", "/rooms/new", "/me", "/device", "/selftest", "/owner", "/nowhere", "/messages/{}", "/rooms/lobby",
         f"/rooms/{'w' * 40}", "/owner/claim?code=x", "/owner?done=closed&at=room-" + "w" * 40)


@pytest.mark.parametrize("size", SIZES)
def test_no_page_of_an_owner_is_wider_than_the_window(crowded, look, size):
    page = look(size)
    found = {}
    for path in PAGES:
        page.goto(path.format(crowded[2]))
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        beyond = page.evaluate(BEYOND)
        if beyond:
            found[path[:30]] = beyond
    assert not found


@pytest.mark.parametrize("size", SIZES)
def test_no_page_of_a_visitor_is_wider_than_the_window(look, size):
    page = look(size, who=None)
    found = {}
    for path in "/", "/sign-in", "/rooms/lobby", "/selftest", f"/rooms/{'w' * 59}x":
        page.goto(path)
        beyond = page.evaluate(BEYOND)
        if beyond:
            found[path[:30]] = beyond
    assert not found


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "plain"])
@pytest.mark.parametrize("size", ["320", "390", "1280"])
def test_a_long_name_and_topic_can_be_read_in_full_above_the_people(look, size, has_script):
    page = look(size, java_script_enabled=has_script)
    page.goto(f"/rooms/{'w' * 40}", wait_until="domcontentloaded")
    if SIZES[size][0] < 760:
        page.locator("#to-people").click()
    for part, text in ("#about-name", WIDE), ("#about-topic", "T" * 200):
        shown = page.locator(part)
        expect(shown).to_be_visible()
        assert shown.inner_text() == text
        assert shown.evaluate("""node => {
            const box = node.getBoundingClientRect(), panel = node.closest('#people').getBoundingClientRect();
            return box.left >= panel.left && box.right <= panel.right && node.parentNode.scrollWidth <= panel.width;
        }"""), part


@pytest.mark.parametrize("size", ["320", "390", "1280"])
def test_long_names_push_nothing_out_of_a_rooms_page(look, size):
    page = look(size)
    page.goto(f"/rooms/{'w' * 40}")
    page.locator("html.scripted").wait_for()
    bar = page.locator(".top").bounding_box()
    assert bar["height"] <= 64, "the bar keeps its height"
    for part in "#room-name", "#room-topic", ".to-people" if SIZES[size][0] < 760 else "#roster-here li":
        box = page.locator(part).bounding_box()
        assert box["width"] > 60 and box["x"] + box["width"] <= SIZES[size][0], part
    assert page.locator("#composer").bounding_box()["height"] < 90, "the room's name in it stays on one line"
