"""The button of a form sleeps while the form is under way."""

import pytest
from playwright.sync_api import expect

SUBMIT = """form => form.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))"""


@pytest.fixture(params=["/sign-in", "/", "/rooms/lobby"])
def question(window, chat, request):
    """The question for a name, its form and its button; what it is told is sent nowhere."""
    opened = window()
    opened.page.clock.install()
    opened.page.goto(chat.base_url + request.param)
    form = opened.page.locator("form[action$='/sign-in']")
    return opened.page, form, form.locator("button")


def test_pressed_twice_a_form_goes_once(question):
    page, form, button = question
    button.focus()
    assert form.evaluate(SUBMIT), "it goes"
    page.clock.run_for(10)
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_be_focused()
    expect(form.locator("[name=form_id]")).to_be_enabled()
    assert not form.evaluate(SUBMIT), "it is on its way already"


def test_it_wakes_by_itself_so_that_whoever_lost_the_line_may_try_again(question):
    page, form, button = question
    form.evaluate(SUBMIT)
    page.clock.run_for(10_100)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    assert form.evaluate(SUBMIT)


def test_it_is_awake_when_back_brings_the_page(question):
    page, form, button = question
    form.evaluate(SUBMIT)
    page.clock.run_for(10)
    expect(button).to_have_attribute("aria-disabled", "true")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    assert form.evaluate(SUBMIT)


def test_what_is_sent_while_it_falls_asleep_is_all_of_the_form(question):
    page, form, button = question
    page.get_by_label("Your name").fill(f"Asleep at {page.url.rpartition('/')[2] or 'home'}")
    button.click()
    expect(page.locator("#composer, .account").first).to_be_visible()


def test_the_composer_which_sends_by_script_never_sleeps(window, carol, garden):
    opened = window(carol, garden)
    said = [f"number {number}" for number in range(3)]
    for text in said:
        opened.say(text)
    opened.expect_said(*said)
    expect(opened.page.locator("#composer button")).not_to_have_attribute("aria-disabled", "true")
