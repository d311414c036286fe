"""The addresses of the chat: each view asks who it is, calls one verb or one query, and gives the answer its form."""

from flask import Flask

from chat.views import answers, auth, entry, health, me, messages, owner, pages, rooms, site, stream


def register(app: Flask) -> None:
    for module in (pages, auth, rooms, messages, stream, health, me, owner, entry, site):
        app.register_blueprint(module.blueprint)
    answers.register_errors(app)
