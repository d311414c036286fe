"""The addresses of the chat: each view asks who it is, calls one verb or one query, and gives the answer its form."""

from flask import Flask

from chat.views import (
    answers,
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
    site,
    stream,
)


def register(app: Flask) -> None:
    for module in (pages, auth, rooms, messages, stream, health, metrics, me, owner, entry, site, selftest, scripts):
        app.register_blueprint(module.blueprint)
    answers.register_errors(app)
