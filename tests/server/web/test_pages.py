"""The pages, without script: complete, and every form answers with a page."""

import pytest

from tests.support.clients import FORM
from tests.support.pages import Page


def test_the_room_page_holds_all_that_a_browser_without_script_needs(alice, bob, garden):
    bob.say("first\nsecond `code` https://example.org/", room=garden)
    page = alice.look(f"/rooms/{garden}")
    assert page.title.startswith("Garden")
    assert "bob" in page.text and "code" in page.text
    assert {"/", f"/rooms/{garden}", "/rooms/new"} <= set(page.addresses)
    assert [address for address in page.addresses if address.startswith(f"/rooms/{garden}/refresh?since=")]
    assert [form.action for form in page.forms if form.action.startswith(f"/rooms/{garden}/")] \
        == [f"/rooms/{garden}/messages", f"/rooms/{garden}/leave"]


def test_the_form_posts_and_leads_back_to_the_message(alice, bob, garden):
    heard = bob.listen(f"room={garden}")
    answer = alice.submit(alice.look(f"/rooms/{garden}").form("/messages"), body="by form")
    message = heard.expect_message("by form").data
    assert (answer.status, answer.headers["Location"]) == (303, f"/rooms/{garden}#m{message['id']}")
    assert message["client_id"] is None
    assert list(alice.look(f"/rooms/{garden}").find("li", id=f"m{message['id']}"))


@pytest.mark.parametrize(("body", "status"), [("", 400), (" \n ", 400), ("x" * 4001, 413), ("a\0b", 400)])
def test_a_refused_message_comes_back_with_its_text(alice, garden, body, status):
    answer = alice.submit(alice.look(f"/rooms/{garden}").form("/messages"), body=body)
    assert answer.status == status
    again = answer.page
    assert again.form("/messages").fields["body"] == body
    assert next(again.find("p", role="alert"))
    assert alice.submit(again.form("/messages"), body="better").status == 303
    assert len(alice.get(f"/rooms/{garden}/messages").json["messages"]) == 1


def test_text_with_markup_comes_back_as_it_was_typed(alice, garden):
    body = "</textarea><script>alert(1)</script> & \"quotes\"\r\n" + "x" * 4000
    answer = alice.submit(alice.look(f"/rooms/{garden}").form("/messages"), body=body)
    assert answer.status == 413
    assert answer.page.form("/messages").fields["body"] == body.replace("\r\n", "\n")
    assert "<script>alert" not in answer.text


def test_whoever_lost_their_session_does_not_lose_their_text(alice, garden):
    form = alice.look(f"/rooms/{garden}").form("/messages")
    alice.cookies.pop(alice.session_cookie)
    answer = alice.submit(form, body="long and well thought out")
    assert answer.status == 401
    assert "long and well thought out" in answer.text
    assert "Pick a name, then send it again" in answer.page.text
    assert answer.page.form("/sign-in").fields["next"] == f"/rooms/{garden}"


def test_whoever_lost_their_session_does_not_lose_what_they_changed(alice):
    message = f"/messages/{alice.say('a draft')['id']}"
    form = alice.look(message).form("/edit")
    alice.cookies.pop(alice.session_cookie)
    answer = alice.submit(form, body="well thought over")
    assert answer.status == 401
    assert "well thought over" in answer.text and "Pick a name, then send it again" in answer.page.text
    assert answer.page.form("/sign-in").fields["next"] == message


def test_whoever_lost_their_session_can_sign_out_all_the_same(alice):
    form = alice.look("/sign-out").form("/sign-out")
    alice.cookies.pop(alice.session_cookie)
    assert alice.submit(form).status == 303


def test_older_messages_are_a_link_away(alice, garden):
    bodies = [f"number {number}." for number in range(60)]
    for body in bodies:
        alice.say(body, room=garden)
    page = alice.look(f"/rooms/{garden}")
    assert [body for body in bodies if body in page.text] == bodies[10:]
    older = next(address for address in page.addresses if "before=" in address)
    page = alice.look(older)
    assert [body for body in bodies if body in page.text] == bodies[:10]
    assert f"/rooms/{garden}" in page.addresses, "the way back to the newest"
    assert not list(page.find("iframe")), "an old page does not grow"


def test_where_one_left_off_stands_a_rule(alice, bob, garden):
    alice.look(f"/rooms/{garden}")
    bob.say("said meanwhile", room=garden)
    page = alice.look(f"/rooms/{garden}")
    assert page.raw.index('class="rule new"') < page.raw.index("said meanwhile")
    assert 'class="rule new"' not in bob.look(f"/rooms/{garden}").raw, "one's own words are not news"


def test_a_message_has_a_page_with_the_acts_one_has_on_it(alice, bob, visitor):
    message = alice.say("tpyo")
    address = f"/messages/{message['id']}"
    assert address in alice.look("/rooms/lobby").addresses
    own = alice.look(address)
    assert own.form("/edit").action == f"{address}/edit"
    assert f"{address}/remove" in own.addresses
    assert not [form for form in own.forms if form.action == f"{address}/remove"], "it asks before it deletes"
    for other in (bob, visitor):
        page = other.look(address)
        assert "tpyo" in page.text
        assert not [form for form in page.forms if form.action.startswith(address)]
        assert f"{address}/remove" not in page.addresses


def test_a_message_is_edited_and_removed_by_form(alice, garden):
    message = alice.say("tpyo", room=garden)
    address = f"/messages/{message['id']}"
    place = f"/rooms/{garden}?around={message['id']}#m{message['id']}"
    form = alice.look(address).form("/edit")
    assert form.fields["body"] == "tpyo"
    answer = alice.submit(form, body="typo")
    assert (answer.status, answer.headers["Location"]) == (303, place)
    assert "typo" in alice.look(f"/rooms/{garden}").text
    answer = alice.submit(alice.look(f"{address}/remove").form("/remove"))
    assert (answer.status, answer.headers["Location"]) == (303, place)
    page = alice.look(f"/rooms/{garden}")
    assert "typo" not in page.raw and "Message deleted" in page.text
    for gone in (alice.look(address), alice.look(f"{address}/remove")):
        assert not [form for form in gone.forms if form.action.startswith(address)]


def test_a_refused_removal_asks_again_and_says_why(alice):
    address = f"/messages/{alice.say('stays for now')['id']}/remove"
    answer = alice.request("POST", address, "csrf_token=x", Content_Type=FORM)
    assert answer.status == 400 and "This page expired" in answer.page.text
    assert alice.submit(answer.page.form("/remove")).status == 303


def test_a_refused_edit_comes_back_with_its_text(alice):
    message = alice.say("short")
    answer = alice.submit(alice.look(f"/messages/{message['id']}").form("/edit"), body="x" * 4001)
    assert answer.status == 413
    assert answer.page.form("/edit").fields["body"] == "x" * 4001


def test_nothing_of_a_message_differs_between_readers_but_what_the_page_puts_on(alice, bob, visitor):
    message = alice.say("the same for all")
    pages = [person.get(f"/rooms/lobby/messages?around={message['id']}&limit=1") for person in (alice, bob, visitor)]
    assert len({page.json["messages"][-1]["html"] for page in pages}) == 1
    html = message["html"]
    assert not Page(html).addresses and "edited" not in html and message["created_at"][11:16] not in Page(html).text
    assert alice.look("/rooms/lobby").raw != bob.look("/rooms/lobby").raw


MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def test_markup_is_text_everywhere(alice, bob, people, chat):
    room = alice.post("/rooms", name=f"{MARKUP} &amp;"[:60], topic=MARKUP).json["slug"]
    mallory = people(chat, "<img src=x onerror=1>")
    heard = bob.listen(f"room={room}")
    message = mallory.say(f"{MARKUP} `{MARKUP}` http://x/{MARKUP}", room=room)
    pages = [bob.look(path) for path in (f"/rooms/{room}", "/", f"/messages/{message['id']}",
                                         f"/rooms/{room}/refresh?since={message['id'] - 1}")]
    drawn = [heard.expect("message").data["html"],
             *(event["data"]["html"] for event in bob.poll(f"room={room}&since={message['id'] - 1}")["events"]
               if event["event"] == "message"),
             bob.get(f"/rooms/{room}/messages").json["messages"][0]["html"]]
    assert len(drawn) == 3
    for page in [*pages, *map(Page, drawn)]:
        assert "alert(" in page.text or "onerror" in page.text
        assert all("src" in script for script in page.find("script"))
        assert not list(page.find("img"))
        assert not [attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert pages[0].title.startswith("<script>alert(1)</script>")


def test_links_leave_the_site_without_its_blessing(alice):
    html = alice.say("see https://example.org/?a=1&b=2, `https://not.example/`")["html"]
    assert [link for tag, link in Page(html).tags if tag == "a"] \
        == [{"href": "https://example.org/?a=1&b=2", "rel": "nofollow ugc noopener noreferrer"}]


def test_static_files_are_kept_by_version(visitor):
    page = visitor.look("/rooms/lobby")
    files = [address for address in page.addresses if address.startswith("/static/")]
    assert len(files) > 5
    for address in files:
        answer = visitor.get(address)
        assert answer.status == 200 and "v=" in address
        assert "max-age=31536000" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/rooms/lobby", "/sign-in"])
def test_help_is_one_link_away_and_needs_no_name(visitor, path):
    page = visitor.get(path, Accept="text/html").page
    assert "Help" in page.text and "/help" in page.raw
    shown = visitor.get("/help", Accept="text/html")
    assert shown.status == 200 and "Add a device" in shown.page.text
