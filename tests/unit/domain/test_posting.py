"""What a post depends on: the room, the author's stay in it, what was sent before under its client id."""

import pytest

from chat.core.errors import ChatError
from chat.domain import messages, rooms
from tests.support.chats import Chat


def names_of_events(chat: Chat, user) -> list[str]:
    return [name for _, name, channel in chat.read_all(chat.reader(user)) if channel == f"user:{user.id}"]


def test_whoever_posts_is_in_the_room_and_after_leaving_again(chat: Chat):
    bob = chat.guest("bob")
    chat.post(bob, "hi")
    chat.post(bob, "still here")
    assert names_of_events(chat, bob) == ["join"]
    chat.store.write(rooms.leave, bob, "lobby")
    chat.post(bob, "back")
    assert names_of_events(chat, bob) == ["join", "leave", "join"]


def test_of_two_posts_with_one_client_id_in_one_batch_the_first_is_the_message(chat: Chat):
    bob = chat.guest("bob")

    def both(tx):
        return [messages.post(tx, bob, "lobby", body, "same") for body in ("first", "second")]

    first, second = chat.store.write(both)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.message == first.message


def test_a_repeat_is_known_also_when_its_room_is_no_more(chat: Chat):
    bob = chat.guest("bob")
    chat.store.write(rooms.open_room, bob, "Tea", "tea", "")
    first = chat.post(bob, "hi", "tea", "once")
    chat.store.write(rooms.remove_room, "tea")
    assert chat.post(bob, "hi", "tea", "once")["id"] == first["id"]
    with pytest.raises(ChatError) as refused:
        chat.post(bob, "hi", "tea", "another")
    assert (refused.value.code, refused.value.field) == ("not_found", "room")
