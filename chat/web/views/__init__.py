"""The chat's URLs: each view checks who sends the request, calls one verb or one query, and formats the answer.

Every view may also answer what its check in `identity` raises, and a POST what `csrf` and `flood` raise. A view's
docstring names only its other errors. A successful POST answers JSON or 204 to programs and 303 to people.
"""

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
    """Give the app all views, and the answers to errors."""
    for module in ALL:
        app.register_blueprint(module.blueprint)
    answers.register_errors(app)
