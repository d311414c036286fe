"""The addresses of the chat: each view asks who it is, calls one verb or one query, and gives the answer its form."""

from flask import Flask

from chat.web import answers
from chat.web.views import (
    auth,
    entry,
    health,
    me,
    messages,
    metrics,
    owner,
    pages,
    rooms,
    scripts,
    selftest,
    stream,
    well_known,
)

ALL = (pages, auth, rooms, messages, stream, health, metrics, me, owner, entry, well_known, selftest, scripts)


def register(app: Flask) -> None:
    for module in ALL:
        app.register_blueprint(module.blueprint)
    answers.register_errors(app)
