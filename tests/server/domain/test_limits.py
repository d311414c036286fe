"""Flood control: bursts, then one at a time; by person and by address, over all workers; reading is never limited."""

import time
from itertools import count

import pytest

from tests.support.clients import Bot
from tests.support.serving import eventually, serve
from tests.support.town import Townsman, a_prefix, an_address

BURST, SECONDS_EACH = 4, 5.0  # of 12 messages a minute
ADDRESS_BURST, ADDRESS_SECONDS_EACH = 8 * BURST, SECONDS_EACH / 8


@pytest.fixture(scope="module")
def busy():
    """A chat with flood control, and slow enough that its pace does not matter."""
    with serve(look_seconds=0, limits="on", trusted_proxies="127.0.0.1", posts_per_minute=12,
               bot_posts_per_second=5) as server:
        yield server


@pytest.fixture
def dave(busy, townsman):
    return townsman(busy, f"dave {an_address()}")


def post(person, body, **fields):
    return person.post("/rooms/lobby/messages", body=body, **fields)


def flood(person, count, body="number {}"):
    """The statuses of so many messages sent as fast as it goes."""
    return [post(person, body.format(number)).status for number in range(count)]


def accepted(statuses):
    assert set(statuses) <= {201, 429}
    return statuses.count(201)


# Messages


def test_a_burst_is_allowed_and_then_one_is_told_when(busy, dave, townsman):
    heard = townsman(busy, worker=1).listen("room=lobby")
    assert flood(dave, BURST) == [201] * BURST
    answer = post(dave, "one too many")
    assert (answer.status, answer.code) == (429, "slow_down")
    assert 1 <= int(answer.headers["Retry-After"]) <= SECONDS_EACH + 1
    assert "Wait a moment" in answer.json["error"]["message"]
    assert answer.headers["Cache-Control"] == "no-store"
    townsman(busy, f"marker {an_address()}").say("marker")
    heard.expect_message("marker")
    assert "one too many" not in heard.bodies
    assert busy.query("SELECT 1 FROM messages WHERE body = 'one too many'") == []


def test_a_page_gives_the_text_back_and_says_when(dave):
    form = dave.look("/rooms/lobby").form("/messages")
    flood(dave, BURST)
    answer = dave.submit(form, body="long and well thought out")
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1
    assert answer.page.form("/messages").fields["body"] == "long and well thought out"
    assert "Wait a moment" in next(iter(answer.page.find("p", role="alert")), {}) or "Wait a moment" in answer.page.text


def test_waiting_as_long_as_was_told_suffices(town, mayor, townsman):
    """The page sends the same text again, under the same client id, exactly then."""
    dave = townsman(town, "dave")
    limit = {"CHAT_LIMITS": "on", "CHAT_POSTS_PER_MINUTE": "60"}
    try:
        assert mayor.post("/owner/settings", **limit).status == 204
        posts = (post(dave, f"number {number}") for number in count())
        eventually(lambda: next(posts).status == 429)
        for number in count():
            text = {"body": f"the same text, {number}", "client_id": f"once-{number}"}
            told = [post(dave, **text) for _ in range(3)]
            if {answer.status for answer in told} == {429}:  # or its moment had come just then
                break
        at = time.monotonic() + int(told[-1].headers["Retry-After"])
        eventually(lambda: time.monotonic() >= at)
        again = post(dave, **text)
        assert (again.status, again.json["body"]) == (201, text["body"])
    finally:
        assert mayor.post("/owner/settings", CHAT_LIMITS="off", CHAT_POSTS_PER_MINUTE="30").status == 204


def test_the_same_text_again_counts_double(busy, dave):
    assert flood(dave, BURST, "the same") == [201, 201, 429, 429], "1 + 2, and the next 2 would be more than 4"
    assert post(dave, "another").status == 201, "which leaves one"


def test_it_counts_over_both_workers(busy, dave):
    tabs = [dave.tab(0), dave.tab(1)]
    statuses = [post(tabs[number % 2], f"number {number}").status for number in range(2 * BURST)]
    assert statuses == [201] * BURST + [429] * BURST


def test_it_counts_over_all_tabs_and_devices_of_a_person(busy, dave, townsman):
    code = dave.post("/device").json["link"].partition("code=")[2]
    phone = townsman(busy, worker=1)
    assert phone.post("/device/use", code=code).status == 200 and phone.user == dave.user
    assert accepted(flood(dave, 2)) == 2
    assert accepted(flood(phone, BURST, "from the phone {}")) == BURST - 2


def test_others_are_not_counted(busy, dave, townsman):
    flood(dave, 3 * BURST)
    assert accepted(flood(townsman(busy, f"erin {an_address()}"), BURST)) == BURST


@pytest.mark.parametrize("kind", ["one IPv4 address", "one network of IPv6"])
def test_many_names_from_one_address_share_its_limit(busy, townsman, kind):
    prefix, address = a_prefix(), an_address()
    total, began = 0, time.monotonic()
    for number in range(12):
        at = address if kind == "one IPv4 address" else f"{prefix}:{number:x}::{number:x}"
        total += accepted(flood(townsman(busy, f"{prefix} {number}", worker=number % 2, address=at), BURST))
    passed = (time.monotonic() - began) / ADDRESS_SECONDS_EACH
    assert ADDRESS_BURST <= total <= ADDRESS_BURST + passed + 1, "of 48"
    assert accepted(flood(townsman(busy, f"{prefix} elsewhere", address=f"{a_prefix()}::1"), BURST)) == BURST


def test_it_holds_over_a_restart(busy, dave):
    flood(dave, 2 * BURST)
    dave.close()
    began = time.monotonic()
    busy.stop()
    busy.start()
    dave.worker = busy.workers[1]
    passed = int((time.monotonic() - began) // SECONDS_EACH) + 1
    assert accepted(flood(dave, BURST)) <= passed < BURST, "not a new burst"


# Other deeds


def test_sign_ins_are_limited_by_address_under_whatever_name(busy, townsman):
    address = an_address()
    statuses = []
    for number in range(64):
        newcomer = townsman(busy, worker=number % 2, address=address)
        answer = newcomer.post("/sign-in", name=f"{address} {number}")
        statuses.append(answer.status)
    assert statuses[:60] == [200] * 60 and statuses[-1] == answer.status == 429
    assert answer.code == "slow_down" and 1 <= int(answer.headers["Retry-After"]) <= 7
    assert newcomer.post("/device/use", code="guess").status == 429, "device codes cannot be guessed faster"
    page = newcomer.submit(newcomer.look("/sign-in").form("/sign-in"), name="kept for later")
    assert page.status == 429 and page.page.form("/sign-in").fields["name"] == "kept for later"
    assert townsman(busy).post("/sign-in", name=f"{address} elsewhere").status == 200


def test_where_no_address_is_known_sign_ins_work_and_are_limited(busy, townsman):
    statuses = []
    for number in range(64):
        newcomer = townsman(busy, worker=number % 2, address="nonsense")
        statuses.append(newcomer.post("/sign-in", name=f"from nowhere {number}").status)
    assert statuses[0] == 200 and statuses[-1] == 429 and set(statuses) == {200, 429}


def test_new_rooms_are_limited(dave):
    statuses = [dave.post("/rooms", name=f"Room {number}").status for number in range(5)]
    assert statuses == [201, 201, 201, 429, 429]
    page = dave.submit(dave.look("/rooms/new").form("/rooms"), name="One more", topic="kept")
    assert page.status == 429 and int(page.headers["Retry-After"]) <= 301
    fields = page.page.form("/rooms").fields
    assert (fields["name"], fields["topic"]) == ("One more", "kept")


def test_typing_is_limited_and_the_rest_goes_on(busy, dave, townsman):
    heard = townsman(busy, worker=1).listen("room=lobby")
    token, statuses = dave.token(), []
    while 429 not in statuses:
        statuses.append(dave.post("/rooms/lobby/typing", token=token).status)
        if statuses[-1] == 204:
            heard.expect("typing")
    assert statuses[:6] == [204] * 6
    dave.say("marker")
    heard.expect_message("marker")
    assert len(heard.named("typing")) == statuses.count(204)


def test_bots_have_a_limit_of_their_own_and_no_address(busy, dave):
    keys = [busy.command("bot", "add", name).stdout.strip() for name in ("hal", "hel")]
    with Bot(busy, keys[0], busy.workers[0]) as hal, Bot(busy, keys[1], busy.workers[1]) as hel:
        for bot in (hal, hel):
            answers = [post(bot, "number 0")]
            while answers[-1].status == 201:
                answers.append(post(bot, f"number {len(answers)}"))
            assert len(answers) > 5, "five at once"
            assert answers[-1].code == "slow_down" and int(answers[-1].headers["Retry-After"]) == 1
    assert accepted(flood(dave, 1)) == 1


def test_reading_is_never_limited(busy, dave):
    flood(dave, 3 * BURST)
    assert post(dave, "premise").status == 429
    for number in range(150):
        for path in ("/poll?room=lobby&since=0", "/rooms/lobby/messages?limit=1"):
            assert dave.get(path).status == 200, number
    assert dave.get("/rooms/lobby").status == 200
    assert dave.listen("room=lobby").named("hello")


def test_switched_off_nothing_is_limited(town, townsman):
    address = an_address()
    dave = townsman(town, "dave", address=address)
    assert set(flood(dave, 60, "the same")) == {201}
    assert {dave.post("/rooms/lobby/typing").status for _ in range(20)} == {204}
    for number in range(22):
        with Townsman(town, address=address) as newcomer:
            assert newcomer.post("/sign-in", name=f"{address} {number}").status == 200
