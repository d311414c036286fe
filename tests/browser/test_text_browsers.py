"""Real text browsers: everything by links and forms, read from the screen of a terminal."""

import pytest

from tests.browser.terminals import terminal
from tests.browser.text_browsers import BROWSERS
from tests.support.plugin import needs_tool

pytestmark = [needs_tool("tmux", *BROWSERS), pytest.mark.parametrize("chat", ["quiet"], indirect=True)]


@pytest.fixture(params=BROWSERS)
def reader(request, tmp_path):
    """Somebody with one of these browsers."""
    with terminal(tmp_path) as opened:
        yield BROWSERS[request.param](opened, tmp_path)


@pytest.mark.shows("without script", by="reader")
@pytest.mark.shows("sign in, post", by="reader")
@pytest.mark.shows("edit, remove", by="reader")
def test_one_reads_comes_in_writes_edits_and_removes(reader, alice, chat, garden):
    name = f"{type(reader).__name__} typist"
    alice.say("Read this first", room=garden)
    reader.open(f"{chat.base_url}/rooms/{garden}")
    reader.sees("Read this first")
    reader.fill("Your name", name)
    reader.press("Join")
    reader.sees("Leave room")

    reader.fill("Message Garden", "Written in a terminal")
    reader.press("Send")
    reader.sees(rf"{name}(?s:.)*Written in a terminal")
    assert said(alice, garden)[-1] == (name, "Written in a terminal")

    for answer in ("The answer", "Another answer"):
        alice.say(answer, room=garden)
        reader.follow("Refresh")
        reader.sees(answer)

    reader.follow_time_of("Written in a terminal")
    reader.sees("Message in")
    reader.fill("Edit", "Written with care")
    reader.press("Save")
    reader.sees(r"Written with care\s+edited(?s:.)*The answer")
    assert (name, "Written with care") in said(alice, garden)

    reader.follow_time_of("Written with care")
    reader.sees("Message in")
    reader.follow("Delete")
    reader.sees("Delete for everyone")
    reader.press("Delete")
    reader.sees("Message deleted(?s:.)*The answer")
    assert (name, "") in said(alice, garden)

    reader.follow("Sign out")
    reader.sees("Create a link to come back")
    reader.press("Sign out")
    reader.sees("Your name")


def said(person, room):
    return [(each["author"]["name"], each["body"])
            for each in person.get(f"/rooms/{room}/messages").json["messages"]]


@pytest.mark.parametrize("reader", ["w3m", "lynx"], indirect=True)  # links2 has no way to refuse cookies
def test_where_cookies_are_refused_the_page_says_so(reader, chat, garden):
    reader.open(f"{chat.base_url}/rooms/{garden}", keeps_cookies=False)
    reader.fill("Your name", "Nobody")
    reader.press("Join")
    reader.sees("is\\s+blocking\\s+cookies(?s:.)*Allow\\s+cookies\\s+for\\s+this\\s+site")
    assert not chat.query("SELECT 1 FROM users WHERE name = 'Nobody'")
