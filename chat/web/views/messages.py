"""Messages: reading them in parts, posting, editing, removing."""


from flask import Blueprint, Response, url_for
from sqlalchemy.engine import Connection

from chat.core.wire import to_json
from chat.domain import messages, moderation, rooms, serializers
from chat.domain.serializers import WireMessage
from chat.store.tables import events
from chat.web import answers, bounds, context, flood, forms, identity, repeats
from chat.web.views import excerpt

LIMIT_DEFAULT, LIMIT_MAX = 50, 200

blueprint = Blueprint("messages", __name__)


@blueprint.get("/rooms/<slug>/messages")
def index(slug: str) -> Response:
    """Messages of a room as JSON, for everybody who may read it; by default the newest.

    `more` tells whether there are others in the direction asked for. ChatError `not_found`, `invalid`.
    """
    identity.reader_required()
    limit = forms.whole_number("limit", low=1, high=LIMIT_MAX, default=LIMIT_DEFAULT) or LIMIT_DEFAULT
    wish = excerpt.asked_for()
    with context.process().store.read() as connection:
        cursor = events.newest_id(connection)
        room = rooms.find(connection, slug, identity.who().user)
        candidates = excerpt.candidates(connection, room.id, wish, limit + 1)
        found = ((message.id, to_json(serializers.as_wire_message(message))) for message in candidates)
        page, is_more = bounds.take(found, limit, bounds.LIST_BYTES, _bytes_of)
        page.sort()
        sides = _sides(connection, room.id, [id for id, _ in page], wish) if wish.around is not None else ""
    texts = ",".join(text for _, text in page)
    return answers.json_text(f'{{"messages":[{texts}],"cursor":{cursor},"more":{to_json(is_more)}{sides}}}')


def _sides(connection: Connection, room_id: int, ids: list[int], wish: excerpt.Wish) -> str:
    """The fields that tell on which sides of these messages there are more."""
    older, newer = excerpt.beyond(connection, room_id, ids, wish)
    return f',"older":{to_json(older)},"newer":{to_json(newer)}'


def _bytes_of(entry: tuple[int, str]) -> int:
    return len(entry[1].encode()) + 1  # and a comma


@blueprint.post("/rooms/<slug>/messages")
def post(slug: str) -> Response:
    """Post a message, for users; a person joins the room first.

    Answers the message, with 201 or, for a known `client_id`, 200. ChatError `not_found`, `invalid`, `too_long`.
    """
    user = identity.user_required()
    fields = forms.posted()
    process, body, client_id = context.process(), fields.get("body"), fields.get("client_id")
    if not repeats.is_repeat():
        flood.check_post(user, body)
    write = repeats.write if client_id is None else process.store.write  # a client id makes repeats harmless forever
    posted = messages.Posted(*write(messages.post, user, slug, body, client_id, is_limited=process.config.limits))

    def shown_at() -> str:
        return url_for("pages.room", slug=slug, _anchor=f"m{posted.message['id']}")

    return answers.done(posted.message, shown_at, 201 if posted.is_new else 200)


@blueprint.post(f"/messages/<{forms.ID}:id>/edit")
def edit(id: int) -> Response:
    """Change a message's text, for its author; answers the message.

    ChatError `invalid`, `too_long`, `forbidden`; `not_found` also for a removed message.
    """
    user = identity.user_required()
    body = forms.posted().get("body")
    flood.check_post(user, body)
    message = context.process().store.write(messages.edit, user, id, body)
    return answers.done(message, _page_of(message))


@blueprint.post(f"/messages/<{forms.ID}:id>/remove")
def remove(id: int) -> Response:
    """Remove a message, for its author and for owners; answers the message.

    ChatError `forbidden`; `not_found` also for a removed message.
    """
    user = identity.user_required()
    verb = moderation.remove_message if user.is_owner else messages.remove
    message = repeats.write(verb, user, id)
    return answers.done(message, _page_of(message))


def _page_of(message: WireMessage) -> str:
    """The message's place in its room, since its own page offers no actions once it is removed."""
    return url_for("pages.room", slug=message["room"], around=message["id"], _anchor=f"m{message['id']}")
