"""The engines themselves: each can do all that a test may ask of it, and tells of what goes wrong."""

import pytest

from tests.support.serving import eventually


def test_an_engine_runs_script_and_waits_for_promises(engine, chat):
    page = engine.open(f"{chat.base_url}/sign-in")
    assert page.run("6 * 7") == 42
    assert page.run("(a, b) => [a, b, null, {c: true}]", "ü", [1]) == ["ü", [1], None, {"c": True}]
    assert page.run("new Promise(done => setTimeout(() => done('late'), 10))") == "late"
    assert page.text("h1")
    assert engine.version.split()[1][0].isdigit()


def test_a_person_types_and_presses_keys(engine, chat):
    page = engine.open(f"{chat.base_url}/sign-in")
    page.type("input[name=name]", f"Jürgen {engine.name}\n")
    page.wait("location.pathname !== '/sign-in'")
    assert page.run("fetch('/session').then(answer => answer.json())")["user"]["name"] == f"Jürgen {engine.name}"


def test_tabs_beside_each_other_share_and_others_do_not(engine, chat, carol):
    first = engine.open(f"{chat.base_url}/", carol.cookies)
    second = first.beside("/")
    stranger = engine.open(f"{chat.base_url}/")
    first.run("void localStorage.setItem('note', 'seen')")
    second.wait("localStorage.getItem('note')")
    who = "fetch('/session').then(answer => answer.json()).then(session => session.user && session.user.name)"
    assert [page.run(who) for page in (first, second, stranger)] == ["carol", "carol", None]
    assert [page.run("localStorage.getItem('note')") for page in (first, second, stranger)] == ["seen", "seen", None]
    second.close()
    first.wait("document.visibilityState === 'visible'")


def test_a_foreword_comes_before_the_site_s_own_script(engine, chat, garden):
    before = "self.before = typeof self.Chat; self.EventSource = null"
    page = engine.open(f"{chat.base_url}/rooms/{garden}", before=before)
    page.wait("window.Chat && Chat.supported")
    assert page.run("[before, EventSource]") == ["undefined", None]


def test_what_a_page_complains_of_fails_the_test(engine, chat):
    page = engine.open(f"{chat.base_url}/")
    page.run("void setTimeout(() => { throw new Error('thrown on purpose'); })")
    page.run("void console.error('said on purpose')")
    eventually(lambda: len(page.complaints()) == 2)
    with pytest.raises(AssertionError, match="thrown on purpose.*said on purpose|said on purpose.*thrown on purpose"):
        engine.clear()


def test_what_belongs_to_the_test_is_forgiven(engine, chat):
    page = engine.open(f"{chat.base_url}/", forgives="on purpose")
    page.run("void console.error('said on purpose')")
    assert not page.complaints()
