"""Pages elsewhere that want to speak as somebody: what they plant in a browser, and what it says of them."""

import pytest

from tests.support.clients import FORM
from tests.support.serving import serve

SESSION, TOKEN = "longwave", "longwave_token"  # the plain names, which the cookies had at first
MESSAGES = "/rooms/lobby/messages"
HTTPS = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "chat.example"}


def forge(person, token, path=MESSAGES, **headers):
    """How a form fares that a page elsewhere sends, with the cookies of the person's browser."""
    headers = {"Accept": "application/json", "Content_Type": FORM} | headers
    return person.request("POST", path, f"body=forged&name=forged&csrf_token={token}", **headers).code


def plant(person, **cookies):
    """As a sibling host or another port does: in the browser's jar, beside what is there or in its place."""
    person.cookies |= cookies


@pytest.fixture
def mallory(chat, people):
    """The owner of the page elsewhere, who has a browser of their own."""
    return people(chat, "mallory")


@pytest.fixture(scope="module")
def behind_tls():
    """A server that has a host to itself, by HTTPS."""
    with serve(workers=1, trusted_proxies="127.0.0.1") as server:
        yield server


@pytest.fixture
def tls(behind_tls, people):
    """Makes persons who come by HTTPS."""
    return lambda name=None: people(behind_tls, name, **HTTPS)


# Planted cookies


@pytest.mark.parametrize("origin", [{}, {"Origin": "null"}], ids=["no origin", "null"])
def test_a_planted_token_does_not_fit_the_session(chat, people, alice, mallory, origin):
    for planter in (mallory, people(chat)):
        token = planter.token()
        assert forge(planter, token) in (None, "sign_in"), "premise: in its own browser it is right"
        plant(alice, **{alice.token_cookie: planter.cookies.get(planter.token_cookie, "")})
        assert forge(alice, token, **origin) == "csrf"
    assert forge(alice, alice.token(), **origin) is None, "premise: she is signed in, and her own is right"


def test_a_token_that_was_planted_before_is_void_after_signing_in(chat, people):
    planter, victim = people(chat), people(chat)
    token = planter.token()
    plant(victim, **{victim.token_cookie: planter.cookies[planter.token_cookie]})
    victim.submit(victim.look("/sign-in").form("/sign-in"), name="planted upon")
    assert victim.user["name"] == "planted upon", "premise"
    assert forge(victim, token) == "csrf"


# What a browser says of the page


@pytest.mark.parametrize(("site", "code"), [("same-origin", None), ("none", None), ("same-site", "forbidden"),
                                            ("cross-site", "forbidden"), ("whatever comes", "forbidden")])
def test_only_the_own_pages_post_in_browsers_that_say_whose_page_it_is(alice, site, code):
    assert forge(alice, alice.token(), Sec_Fetch_Site=site) == code
    assert forge(alice, alice.token(), Sec_Fetch_Site=site, Origin="null") == code
    assert alice.get("/rooms/lobby", Sec_Fetch_Site=site).status == 200, "a link leads here from everywhere"


def test_nor_does_a_page_elsewhere_sign_anybody_in_or_out(chat, people, alice):
    visitor = people(chat)
    for path, person in (("/sign-in", visitor), ("/sign-out", alice), ("/device/use", visitor), ("/enter", visitor)):
        assert forge(person, person.token(), path, Sec_Fetch_Site="same-site") == "forbidden"
    assert visitor.user is None and alice.user


def test_a_bots_key_makes_it_needless(hal):
    assert hal.request("POST", MESSAGES, "body=beep", Content_Type=FORM, Sec_Fetch_Site="cross-site").status == 201


def test_without_an_origin_the_referer_must_not_be_another_sites(alice, chat):
    own = f"{chat.base_url}/rooms/lobby?at=7#m7"
    foreign = ["http://elsewhere.example/", "http://elsewhere.example", f"http://{chat.host}:1/rooms/lobby",
               f"http://elsewhere.example/{chat.host}:{chat.port}", f"http://{chat.host}:{chat.port}@elsewhere.example/",
               f"https://elsewhere.example/?{chat.base_url}/"]
    for origin in ({}, {"Origin": "null"}):
        for referer in foreign:
            assert forge(alice, alice.token(), Referer=referer, **origin) == "forbidden", referer
        for referer in (own, "", "about:blank", "android-app://com.example"):
            assert forge(alice, alice.token(), Referer=referer, **origin) is None, referer
    assert forge(alice, alice.token(), Referer=foreign[0], Origin=chat.base_url) is None, "the origin decides"


def test_by_https_the_scheme_counts_too(tls, alice, chat):
    carol = tls("carol")
    for origin, code in (("https://chat.example", None), ("http://chat.example", "forbidden"),
                         ("https://chat.example:8443", "forbidden"), ("https://sub.chat.example", "forbidden")):
        assert forge(carol, carol.token(), Origin=origin) == code
    unknown = chat.base_url.replace("http:", "https:")
    assert forge(alice, alice.token(), Origin=unknown) is None, "a proxy may have kept the scheme to itself"


# The cookies' names


def guarded(person):
    """What the cookies are called under HTTPS at the root of a host: of the session, of the token."""
    return f"__Host-{person.session_cookie}", f"__Host-{person.token_cookie}"


def plain(person):
    """The same cookies under the names that they had at first."""
    session, token = guarded(person)
    return {SESSION: person.cookies[session], TOKEN: person.cookies[token]}


def lines_of(answer):
    return {line.partition("=")[0]: set(line.split("; ")[1:]) for line in answer.headers.get_all("Set-Cookie") or ()}


def test_a_host_of_its_own_by_https_gives_cookies_that_no_sibling_can_plant(tls):
    person = tls()
    set_by = lines_of(person.get("/sign-in")) | lines_of(person.post("/sign-in", name="carol by TLS"))
    assert set(set_by) == set(guarded(person))
    for attributes in set_by.values():
        assert {"Secure", "Path=/"} <= attributes and not [each for each in attributes if each.startswith("Domain")]
    assert person.user["name"] == "carol by TLS"
    assert set(lines_of(person.post("/sign-out"))) >= {guarded(person)[0], person.session_cookie, SESSION}


def test_elsewhere_they_keep_the_plain_names(people, chat):
    with serve(workers=1, trusted_proxies="127.0.0.1", environ={"SCRIPT_NAME": "/chat"}) as mounted:
        for person in (people(mounted, **HTTPS), people(chat)):
            assert person.post("/sign-in", name="plain cookie").status == 200
            assert set(person.cookies) == {person.session_cookie, person.token_cookie}
            assert person.user["name"] == "plain cookie"


def test_the_upgrade_signs_nobody_out_and_renews_the_cookies(tls):
    carol = tls("carol the old")
    session, token = plain(carol).values()
    for prefix in ("", "__Host-"):
        carol.cookies = {prefix + SESSION: session, prefix + TOKEN: token}
        first = carol.get("/session")
        assert first.json["user"]["name"] == "carol the old"
        assert set(lines_of(first)) == set(guarded(carol))
    assert lines_of(carol.get("/session")) == {}, "once"
    assert forge(carol, carol.token()) is None


def test_what_a_visitors_plain_cookie_held_goes_on_but_for_the_seed(people):
    """A page elsewhere may have planted that, and would know the token."""
    with serve(workers=1, trusted_proxies="127.0.0.1", entry_word="open sesame") as cave:
        visitor = people(cave, **HTTPS)
        assert visitor.post("/enter", word="open sesame").status == 204
        token = visitor.token()
        visitor.cookies = {TOKEN: visitor.cookies[guarded(visitor)[1]]}
        assert visitor.get("/poll?room=lobby").status == 200, "the word was said"
        assert visitor.token() != token
        assert guarded(visitor)[1] in visitor.cookies


def test_a_planted_plain_cookie_wins_over_nothing(behind_tls, tls, people):
    mallory, carol, visitor = tls("mallory by TLS"), tls("carol by TLS"), tls()
    planted = plain(mallory)
    planted |= dict(zip((mallory.session_cookie, mallory.token_cookie), planted.values(), strict=True))
    assert people(behind_tls, **HTTPS).user is None
    visitor.look("/")
    for person in (carol, visitor):
        before = person.user
        plant(person, **planted)
        assert person.user == before
        assert forge(person, mallory.token()) == "csrf"
    carol.post("/sign-out")
    plant(carol, **planted)
    assert carol.user is None and "mallory" not in carol.look("/").text


def test_two_cookies_of_one_name_are_no_error(alice):
    """The one with the longer path comes first, and counts: without HTTPS nothing tells which is the site's own."""
    session = f"{alice.session_cookie}={alice.cookies[alice.session_cookie]}"
    other = f"{alice.session_cookie}=x"
    for cookies, name in ((f"{session}; {other}", "alice"), (f"{other}; {session}", None)):
        user = alice.get("/session", Cookie=cookies).json["user"]
        assert (user and user["name"]) == name
