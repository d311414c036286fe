"""The same chat on every kind of host: everything works there, streams or is refused, and nobody waits for readers."""

import time

from tests.hosts.readers import LAST, reading
from tests.support.serving import eventually, once_within

READERS = 30
CGI_READERS = 10  # a process each time: two cores start some four a second, and other tests have most of them
POSTS = 6
POST_SECONDS = 2.0
SLOWER = 3  # than with nobody reading
PRIVATE = ("/instance/secret", "/instance/longwave.db", "/chat/app.py", "/wsgi.py", "/setup.cfg", "/longwave.cgi.bak",
           "/.htaccess", "/passenger_wsgi.py", "/static/../wsgi.py", "/static/%2e%2e/wsgi.py")


def test_people_sign_in_write_and_read(alice, bob):
    assert alice.submit(alice.look("/rooms/lobby").form("/messages"), body="by form").status == 303
    said = alice.say("hi & <welcome>")
    assert "hi &amp; &lt;welcome&gt;" in bob.look("/rooms/lobby").raw
    assert said in [event["data"] for event in bob.poll("room=lobby&since=0")["events"]]
    assert bob.poll(f"room=lobby&since={said['id']}")["cursor"] >= said["id"]


def test_who_polls_is_here(alice, bob):
    for person in (alice, bob):
        person.poll("room=lobby")

    def as_seen_by(person):
        return {user["name"]: user["state"] for user in person.get("/rooms/lobby/people").json["people"]}

    eventually(lambda: as_seen_by(alice) == {"alice": "here", "bob": "here"})
    alice.post("/rooms/lobby/here", state="away")
    eventually(lambda: as_seen_by(bob) == {"alice": "away", "bob": "here"})


def test_a_stream_flows_or_sends_its_reader_to_poll(host, alice, bob):
    stream = bob.listen(f"room=lobby&since={alice.cursor()}")
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert "no-transform" in stream.headers["Cache-Control"] and not stream.headers["Content-Encoding"]
    if not host.streams:
        assert stream.expect("mode").data["transport"] == "poll"
        return stream.expect_end()
    alice.say("through")
    stream.expect_message("through")


def test_a_held_poll_is_answered_by_news_or_at_once(host, alice, bob):
    cursor = alice.cursor()
    if not host.streams:
        assert bob.poll(f"room=lobby&since={cursor}&wait=25")["interval_ms"] >= 4000
        return
    held = bob.ask(f"/poll?room=lobby&since={cursor}&wait=25")
    assert not held.comes_within(0.3)
    said = alice.say("news")
    assert said in [event["data"] for event in held.answer().json["events"]]


def test_posts_are_answered_while_thirty_read_and_nobody_misses_any(host, alice):
    alone = max(say_in_seconds(alice, "alone") for _ in range(2))
    count = CGI_READERS if host.is_run_once else READERS

    def post_meanwhile(attempt):
        waits = []
        with reading(host, count, alice.cursor()) as readers:
            for number in range(POSTS):
                waits.append(say_in_seconds(alice, f"message {number}" if number < POSTS - 1 else LAST))
                time.sleep(0.3)
        assert [reader.error for reader in readers if reader.error] == []
        written = [f"message {number}" for number in range(POSTS - 1)] + [LAST]
        assert all(reader.bodies == written for reader in readers)
        held = sum(reader.way == "stream" for reader in readers)
        assert held == min(count, host.streams) or 0 < held <= host.streams or attempt, "places of before may be kept"
        # A process each takes so much of a machine that other tests share: half of the posts must tell.
        return sorted(waits)[POSTS // 2] if host.is_run_once else max(waits)

    once_within(max(POST_SECONDS, SLOWER * alone) if host.is_run_once else POST_SECONDS, post_meanwhile)


def say_in_seconds(person, body):
    began = time.monotonic()
    person.say(body)
    return time.monotonic() - began


def test_the_web_server_itself_hands_out_the_number_of_the_newest_event(host, enter, alice, bob):
    named = bob.poll("room=lobby").get("head_urls")
    if not host.has_heads:
        assert named is None
        return
    for body in ("one", "another, within the same second"):
        said = alice.say(body)
        answer = bob.get(f"{named['lobby']}?_={said['id']}")
        assert answer.status == 200 and int(answer.body) == said["id"]
        assert not answer.headers["Content-Security-Policy"], "a process of the chat has answered"
    there = enter(host=host.below("/chat")).poll("room=lobby")["head_urls"]["lobby"]
    assert there == f"/chat{named['lobby']}" and bob.get(there).body == answer.body
    assert bob.get("/heads/").body == b"", "and lists none"
    assert enter("erin").post("/sign-out").status == 204
    assert bob.get(named["lobby"]).status == 404, "who has left knows no name any more"
    again = bob.poll("room=lobby")["head_urls"]["lobby"]
    assert again != named["lobby"] and bob.get(again).status == 200


def test_the_owner_acts(host, enter, alice):
    owner, mallory = alice, enter("mallory")
    code = (host.stage.instance / "owner-code").read_text().strip()
    assert owner.post("/owner/claim", code=code).status == 204
    bad = mallory.say("spam")
    assert owner.post(f"/messages/{bad['id']}/remove").json["removed"]
    assert "spam" not in mallory.look("/rooms/lobby").raw
    assert owner.post(f"/owner/people/{mallory.user['id']}/ban", reason="spam").status in (200, 204)
    eventually(lambda: mallory.get("/poll?room=lobby").code == "banned")
    assert owner.post("/owner/settings", CHAT_SITE_NAME="Elsewhere").status in (200, 204)
    eventually(lambda: "Elsewhere" in owner.look("/").raw)
    assert owner.look("/owner").raw


def test_a_bot_has_its_key_passed_on(host, enter):
    key = host.stage.longwave("bot", "add", "hal").stdout.strip()
    assert key
    hal = enter(Authorization=f"Bearer {key}")
    answer = hal.post("/rooms/lobby/messages", token="", body="beep")
    assert answer.status == 201, answer.text


def test_a_message_from_the_inbox_is_posted_by_the_next_request(host, enter):
    posted = host.stage.longwave("post", "lobby", "from outside", "--as", "cron")
    assert posted.returncode == 0, posted.stderr
    eventually(lambda: "from outside" in enter().look("/rooms/lobby").raw)


def test_below_a_path_everything_stays_below_it(host, enter):
    below = host.below("/chat")
    kim = enter(host=host if host.headers else below, **dict(host.headers))
    answer = kim.get("/rooms/lobby")
    page = answer.page
    local = [address for address in page.addresses if not address.startswith("#")]
    assert local and all(address.startswith("/chat/") for address in local)
    kim.sign_in("kim")
    assert kim.cookies and kim.say("below")["html"]
    if not host.headers:
        styles = [link["href"] for link in page.find("link") if link.get("rel") == "stylesheet"]
        assert kim.get(styles[0].removeprefix("/chat")).status == 200


def test_static_files_are_kept_for_a_year(host, enter):
    visitor = enter()
    page = visitor.look("/rooms/lobby")
    for tag, name in (("link", "href"), ("script", "src")):
        address = next(link[name] for link in page.find(tag) if "?v=" in link.get(name, ""))
        answer = visitor.get(address)
        assert answer.status == 200 and "max-age=31536000" in answer.headers["Cache-Control"], address


def test_nothing_private_has_an_address(host, enter):
    visitor = enter()
    for path in PRIVATE:
        answer = visitor.get(path)
        assert answer.status in (400, 403, 404, 405) and b"secret" not in answer.body, path


def test_the_command_finds_that_nothing_private_is_handed_out(host):
    checked = host.stage.longwave("check", "--url", host.url)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{host.url} serves no private files" in checked.stdout


def test_nothing_outlives_its_request_where_the_process_does_not(host):
    """The last test of a host: what its processes have left."""
    if host.streams:
        return  # these last
    kept = {path.name for path in host.stage.instance.iterdir()}
    assert not list(host.stage.instance.glob("run/*")), "no socket"
    assert {"attendance.db", "upkeep"} <= kept
    if host.is_run_once:
        eventually(lambda: not (host.stage.instance / "longwave.db-wal").exists())
