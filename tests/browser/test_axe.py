"""axe finds no fault on any page in any state: light, dark and in forced colours, on a desktop and on a phone."""

import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.browser.test_pending import MUTED, Held, first_post
from tests.browser.windows import DESKTOP, PHONE, Desk
from tests.support.clients import Bot, Person
from tests.support.plugin import NODE_TOOLS, needs_tool
from tests.support.serving import serve

AXE = NODE_TOOLS.parent / "axe-core" / "axe.min.js"
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}  # what a scheme can change
FORCED = {"rules": {"color-contrast": {"enabled": False}}}  # the system's colours, which a page cannot ask for
LOOKS = (
    ("light", {"color_scheme": "light", "forced_colors": "none"}, {}),
    ("dark", {"color_scheme": "dark", "forced_colors": "none"}, COLOURS),
    ("forced colours", {"color_scheme": "dark", "forced_colors": "active"}, FORCED),
)
FAULTS = """options => axe.run(document, { resultTypes: ['violations'], ...options }).then(found =>
    found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html} ${node.failureSummary}`)))"""
ANY = "status of 4|net::ERR"  # what the browser itself writes about pages that refuse

pytestmark = [needs_tool("node"), pytest.mark.skipif(not AXE.exists(), reason="npm install --prefix tests/browser")]


@pytest.fixture(scope="module")
def town():
    """One server for all states: a room with everything, an empty one, a closed one; olga owns it, dave is banned."""
    with serve(look_seconds=0, footer_links="Imprint=https://example.org", welcome="Be kind.") as server, \
            Person(server) as olga, Person(server) as carol, Person(server) as dave, \
            Bot(server, server.command("bot", "add", "hal").stdout.strip()) as hal:
        for person, name in ((olga, "olga"), (carol, "carol"), (dave, "dave")):
            person.sign_in(name)
        code = (server.instance / "owner-code").read_text().strip()
        olga.post("/owner/claim", code=code)
        for name in "Garden", "Empty", "Shed":
            olga.post("/rooms", name=name, topic="What grows, and who waters it")
        carol.post("/rooms/shed/join")
        olga.post("/owner/rooms/shed/close")
        ids = talk(olga, carol, hal)
        banned = server.query("SELECT id FROM users WHERE name = 'dave'")[0][0]
        olga.post(f"/owner/people/{banned}/ban", reason="flooding", **{"for": "1w"})
        olga.say("Not read yet", room="shed")
        yield SimpleNamespace(server=server, olga=olga, carol=carol, dave=dave, **ids)


def talk(olga, carol, hal):
    """Something of everything in the garden."""
    say = "Plan: https://example.org and `code`", "Second of a run", "Regretted", "Tpyo"
    said = [olga.say(text, room="garden")["id"] for text in say]
    olga.post(f"/messages/{said[2]}/remove")
    olga.post(f"/messages/{said[3]}/edit", body="Typo")
    hal.post("/rooms/garden/messages", body="I am a bot")
    return {"hers": said[0], "mine": carol.say("Mine", room="garden")["id"]}


@pytest.fixture(params=["desktop", "phone"])
def open_window(request, browser, town):
    """Opens windows of a desktop or a phone at the town's server."""
    desk = Desk(browser, town.server.base_url)
    device = PHONE if request.param == "phone" else {"viewport": DESKTOP}
    yield lambda person=None, room=None, **options: desk.window(
        person, room, **{"forgives": ANY, "reduced_motion": "reduce"} | device | options)
    desk.close()


class Faults(dict):
    """What axe finds, by state and look."""

    def look_at(self, state, window):
        window.page.evaluate(f"window.axe ? 0 : void function () {{ {AXE.read_text()} }}.call(window)")
        for look, media, options in LOOKS:
            window.page.emulate_media(**media)
            if found := window.page.evaluate(FAULTS, options):
                self[f"{state}, {look}"] = found
        window.page.emulate_media(color_scheme="light", forced_colors="none")

    def look_at_pages(self, window, *paths):
        for path in paths:
            self.look_at(path, window.go(path))


@pytest.fixture
def faults():
    found = Faults()
    yield found
    report = "\n".join(f"{state}:\n  " + "\n  ".join(those) for state, those in found.items())
    assert not found, f"axe found faults\n{report}"


def test_what_anybody_may_see(open_window, town, faults):
    visitor = open_window()
    faults.look_at_pages(visitor, "/", "/sign-in", "/selftest", "/nowhere", "/rooms/shed", "/device?code=x", "/help",
                         "/rooms/garden", "/rooms/empty", f"/messages/{town.hers}")
    visitor.go("/sign-in").sign_in("olga")
    expect(visitor.find(".problem")).to_be_visible()
    faults.look_at("a name that is taken", visitor)


def test_pages_of_somebody_signed_in(open_window, town, faults):
    hers = open_window(town.carol)
    faults.look_at_pages(hers, "/", "/rooms/new", "/me", "/device", "/rooms/empty", f"/messages/{town.mine}", "/help",
                         "/sign-out", f"/messages/{town.mine}/remove", f"/messages/{town.hers}",
                         f"/rooms/garden?before={town.mine}", f"/rooms/garden?around={town.hers}#m{town.hers}")
    hers.go("/device").find("form[action$='/device'] button").click()
    expect(hers.find("#link, .one-time")).to_be_visible()
    faults.look_at("a link for a device", hers)
    hers.go("/sign-out").find("form[action$='/sign-out/link'] button").click()
    expect(hers.find(".qr svg")).to_be_visible()
    faults.look_at("a link to come back", hers)
    hers.go("/rooms/new").find("#name").fill("Garden")
    hers.find("#main button[type=submit]").click()
    expect(hers.find(".problem")).to_be_visible()
    faults.look_at("a room's name that is taken", hers)


def test_the_owners_pages(open_window, town, faults):
    hers = open_window(town.olga)
    faults.look_at_pages(hers, "/owner", f"/messages/{town.mine}", "/owner/claim?code=x", "/rooms/shed")
    hers.go("/owner").find("[name=CHAT_KEEP_DAYS]").fill("-1")
    hers.find("form[action$='/owner/settings'] button").first.click()
    expect(hers.find(".problem").first).to_be_visible()
    faults.look_at("a wrong setting", hers)


def test_states_of_a_room(open_window, town, faults):
    hers = open_window(town.carol, "garden")
    faults.look_at("a room with everything", hers)
    hers.jump_to_end()
    hers.message("Mine").locator(".when").press("Enter")
    faults.look_at("the menu", hers)
    hers.choose("Delete")
    faults.look_at("the question", hers)
    hers.page.keyboard.press("Escape")
    hers.page.keyboard.press("Enter")
    hers.choose("Edit")
    expect(hers.find(".edit-form textarea")).to_be_focused()
    faults.look_at("the editor", hers)
    hers.page.keyboard.press("Escape")
    if hers.find("#to-rooms").is_visible():
        for panel in "rooms", "people":
            hers.find(f"#to-{panel}").tap()
            faults.look_at(f"the {panel} open", hers)
            hers.page.keyboard.press("Escape")


def test_a_room_in_trouble(open_window, town, faults):
    hers = open_window(town.carol, "empty")
    first_post(hers, lambda route: route.fulfill(status=403, json=MUTED))
    hers.composer.fill("Refused")
    hers.press("Send")
    hers.failed.wait_for()
    held = Held(hers)
    hers.composer.fill("On its way")
    hers.press("Send")
    hers.pending.wait_for()
    faults.look_at("failed and sending", hers)
    held.drop()
    hers.context.set_offline(True)
    faults.look_at("offline", hers)
    hers.context.set_offline(False)
    banned = open_window(town.dave)
    faults.look_at_pages(banned, "/", "/rooms/garden")


def test_pages_without_script(open_window, town, faults):
    plain = open_window(town.carol)
    for path in "/rooms/garden", "/rooms/garden/refresh?since=0":
        plain.page.route(f"**{path}", as_without_script)  # axe itself needs script
        faults.look_at_pages(plain, path)


def as_without_script(route):
    """What is within <noscript>, none of the page's scripts, and a frame that stays while one looks at it."""
    answer = route.fetch()
    body = re.sub('</?noscript>|<script .*?</script>|<meta http-equiv="refresh"[^>]*>', "", answer.text())
    route.fulfill(response=answer, body=body)
