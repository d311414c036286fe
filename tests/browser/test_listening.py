"""What a screen reader gets of a room: who said what, when, and what is new; what has happened to it since."""

from playwright.sync_api import expect

# Written by hand from what somebody who listens must be told, in its order.
LOG = r"""
- list:
  - listitem:
    - heading "Today" [level=2]
  - listitem:
    - paragraph:
      - text: alice
      - link /Message by alice, \d\d:\d\d/
    - text: The hall is booked.
  - listitem:
    - paragraph:
      - text: alice
      - link /Message by alice, \d\d:\d\d/
    - text: Doors at six. edited
  - listitem:
    - paragraph:
      - text: alice
      - link /Message by alice, \d\d:\d\d/
    - paragraph: Message deleted
  - listitem:
    - heading "New" [level=2]
  - listitem:
    - paragraph:
      - text: bob
      - link /Message by bob, \d\d:\d\d/
    - text: I bring the amplifier.
"""
PEOPLE = r"""
- complementary "Who is here":
  - heading /Here/ [level=2]
  - list /Here/:
    - listitem: carol (you)
"""


def test_who_said_what_when_and_what_is_new(window, alice, bob, carol, garden):
    said = [alice.say(text, room=garden)["id"] for text in ("The hall is booked.", "Doors at sixt.", "Regretted")]
    alice.post(f"/messages/{said[1]}/edit", body="Doors at six.")
    alice.post(f"/messages/{said[2]}/remove")
    carol.post(f"/rooms/{garden}/join")
    carol.post(f"/rooms/{garden}/read", id=said[2])
    bob.say("I bring the amplifier.", room=garden)
    hers = window(carol, garden)
    expect(hers.page.get_by_role("region", name="Messages")).to_match_aria_snapshot(LOG)
    expect(hers.page.get_by_role("main")).to_match_aria_snapshot('- heading "Garden" [level=1]')
    expect(hers.find("#people")).to_match_aria_snapshot(PEOPLE)
    bob.say("And a cable.", room=garden)
    expect(hers.find("#announcer")).to_have_text("bob says: And a cable.")
