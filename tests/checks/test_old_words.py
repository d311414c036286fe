"""The page speaks plain, friendly English: the riddles that once stood in it stay out, each from where it stood."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

from chat.core.errors import STATUS
from tests.checks import pages as stage
from tests.checks.test_words import Page

TOP = Path(__file__).parents[2]

# What stood in a file's texts, a whole text or a part of one.
ONCE = {
    "templates/account.html": ["About me", "Use on another device"],
    "templates/ban_form.html": ["Ban for", "because", "good", "a day", "a week"],
    "templates/claim.html": ["bans who must go", "You are here as"],
    "templates/composer.html": ["What you wrote, to copy"],
    "templates/device.html": ["Use on another device", "Make a link", "It works once", "you cannot go back"],
    "templates/device_link.html": ["Whoever uses it", "speaks as you", "show it to nobody else", "It works once"],
    "templates/enter.html": ["A word, please", "The word", "asks everybody for a word", "Whoever told you", "Come in"],
    "templates/error.html": ["Something broke here", "Busy just now", "A moment, please", "Nothing here",
                             "A name is needed", "Too much at once", "That did not work"],
    "templates/forms.html": ["Come in", "You came in", "by which the chat knows you"],
    "templates/home.html": ["Choose a name to write here", "Nothing else is asked", "There is no room yet",
                            "Open a room"],
    "templates/log.html": ["Nothing has been said here", "Whoever opens this room", "The time beside a message"],
    "templates/me.html": ["About me", "What is kept about me", "for a while", "Forget me", "Download it all",
                          "your name leaves everything", "There is no way back", "Leave it there", "all that I wrote"],
    "templates/message_page.html": ["A line stays that says so", "Remove", "Removed", "they came from"],
    "templates/new_room.html": ["Open a room", "Open the room", "Small letters", "Left empty", "May be left empty",
                                "Everybody who may be here"],
    "templates/owner.html": ["Where it runs", "What was done", "by command"],
    "templates/owner_canary.html": ["Everybody can fetch", "all that was ever said", "whoever has it"],
    "templates/owner_people.html": ["Let them come back", "for good", "Nobody", "More who are banned", "last here"],
    "templates/owner_rooms.html": ["Close", "closed", "Open to everybody", "Remove", "Open a room",
                                   "all that was said", "Then only those", "Closed: only those"],
    "templates/owner_settings.html": ["everybody"],
    "templates/refresh.html": ["A lot has been said", "Load the page anew"],
    "templates/room_list.html": ["Open a room"],
    "templates/selftest.html": ["Proxies that say so", "Room for one more stream", "as it calls itself",
                                "The way it came", "Whoever runs this chat can", "Trying it out"],
    "templates/selftest_words.html": ["A word from tab to tab", "The lead among tabs", "Greeted after",
                                      "Something else than the chat", "Was heard", "Said nothing", "Not one tick",
                                      "has no room for one more", "loads them anew", "Mark the text"],
    "templates/sign_in.html": ["Come in", "Choose a name to write here", "Nothing else is asked"],
    "templates/words.html": ["removed by its author", "removed by the owner", "Really remove", "Remove", "held up",
                             "waiting, ", "checking every", "closed to you", "Somebody else has signed in",
                             "The chat was renewed", "when it suits you", "stores nothing for this page",
                             "You cannot take part here", "What to do with this message"],
    "chat/web/flood.py": ["That was a little fast"],
    "chat/realtime/watermarks/probe.py": ["asks no process", "hand out"],
    "chat/server/host_report.py": ["readers who wait", "nobody can be held", "opened anew"],
    "chat/web/identity.py": ["asks everybody for a word", "The first page lists", "You cannot take part here",
                             "is not known here"],
    "chat/web/csrf.py": ["It is fresh now", "is not known here"],
    "chat/domain/moderation.py": ["nothing is for good", "Nobody"],
    "chat/domain/ownership.py": ["was used before"],
    "chat/domain/sessions.py": ["was used before"],
    "chat/domain/site_settings.py": ["This setting cannot be that", "What it may be"],
    "chat/domain/accounts.py": ["Somebody has this name", "one that looks like it"],
    "chat/domain/bots.py": ["Somebody has this name"],
    "chat/domain/naming.py": ["as many rooms as it may have", "There is a room at this address already"],
    "chat/domain/rooms.py": ["The first page lists"],
    "chat/domain/messages.py": ["Perhaps its room"],
    "chat/domain/stays.py": ["as many as one can be in", "You have come and gone"],
    "chat/core/validation.py": ["what others shall call you", "characters at most", "is missing or is no text",
                                "Type it anew", "small letters"],
    "chat/web/answers.py": ["Something broke", "The first page lists"],
    "chat/web/views/auth.py": ["is free for others"],
    "chat/web/views/entry.py": ["That is not the word", "Ask whoever told you of this chat"],
    "chat/web/views/owner.py": ["so that no room is removed by a slip", "let come back", "Entry word", "set",
                                "for so many days", "Who opens rooms", "forgot, on their own wish,"],
    "chat/web/views/rows.py": ["removed by its author", "removed by the owner"],
}


def texts_of(path: str) -> list[str]:
    """All that a file asks of the catalogue."""
    method = "jinja2.ext:babel_extract" if path.endswith(".html") else "python"
    found = [message for _, message, _, _ in extract_from_file(method, TOP / path)]
    return [text for message in found for text in (message if isinstance(message, tuple) else (message,)) if text]


@pytest.mark.parametrize("path", ONCE)
def test_an_old_phrase_stays_out(path):
    texts = texts_of(path)
    assert texts, "a premise: there are texts, or the file has moved"
    # One word may well be a part of a good sentence.
    assert not [(old, text) for old in ONCE[path] for text in texts if old == text or (" " in old and old in text)]


def test_an_error_shows_no_code(tmp_path):
    with stage.pseudo_language(), stage.opened_app(tmp_path) as app:
        pages = {name: html for name, html in stage.every_page(app).items() if name.startswith("error ")}
        said = {name: " ".join(text for _, text in Page(html).said) for name, html in pages.items()}
    assert said.keys() == {f"error {code}" for code in STATUS}
    for code, status in STATUS.items():
        assert str(status) not in said[f"error {code}"].split()
        assert "_" not in code or code not in said[f"error {code}"]
