"""What is odd or hostile in a form gets a page that says what to do; nothing breaks, and nobody is led away."""

import pytest

from tests.support.clients import FORM

FORMS = ["/sign-in", "/rooms", "/rooms/lobby/messages", "/rooms/lobby/read", "/rooms/lobby/here", "/device/use",
         "/enter", "/me/view", "/me/forget", "/owner/claim"]
OWNERS = ["/owner/settings", "/owner/rooms/HALL", "/owner/rooms/HALL/remove", "/owner/people/1/ban",
          "/owner/people/9007199254740991/unban", "/owner/people/9007199254740991/end-sessions",
          "/owner/rooms/nowhere/close"]
FIELDS = ("name", "body", "slug", "topic", "id", "state", "code", "word", "choice", "view", "reason", "for", "sure",
          "next", "CHAT_KEEP_DAYS")
ODD = {
    "nothing": "", "empty": "{}=", "zero byte": "{}=a%00b", "not UTF-8": "{}=%ff%fe", "half a pair": "{}=%ED%A0%80",
    "markup": "{}=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "long": "{}=" + "x" * 20_000,
    "huge number": "{}=" + "9" * 400,
    "negative": "{}=-1", "no digits of ours": "{}=%D9%A1%D9%A2", "line ends": "{}=a%0d%0aSet-Cookie:%20x=y",
    "a list": "{0}=a&{0}=b", "brackets": "{}[]=a&{}[x]=b", "right to left": "{}=%E2%80%AE",
}


def send(person, path, odd):
    fields = "&".join(ODD[odd].replace("{0}", name).replace("{}", name) for name in FIELDS)
    body = f"csrf_token={person.token()}&{fields}"
    return person.request("POST", path, body, Content_Type=FORM, Accept="text/html")


def check(answer):
    if answer.status == 303:
        assert answer.headers["Location"].startswith("/") and not answer.headers["Location"].startswith("//")
        assert "Set-Cookie: x" not in str(answer.headers)
        return
    assert 400 <= answer.status < 500, answer.text
    page = answer.page
    assert page.text.strip() and "/" in page.addresses, "in words, with a way back"
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("odd", ODD)
def test_odd_fields_are_answered_by_a_page(people, chat, odd):
    person = people(chat, "Odd one")
    for path in FORMS:
        check(send(person, path, odd))


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd != "nothing"])
def test_the_owners_forms_answer_odd_fields_by_a_page(mayor, hall, odd):
    for path in OWNERS:
        check(send(mayor, path.replace("HALL", hall), odd))


@pytest.mark.parametrize("elsewhere", [
    "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example",
    "\\\\evil.example", "/\r\nSet-Cookie: a=b", "evil"])
def test_no_form_leads_away(visitor, elsewhere):
    form = visitor.look("/sign-in").form("/sign-in")
    answer = visitor.submit(form, name=f"Led away {len(elsewhere)}", next=elsewhere)
    assert (answer.status, answer.headers["Location"]) == (303, "/rooms/lobby")
    visitor.post("/me/forget", choice="remove")
