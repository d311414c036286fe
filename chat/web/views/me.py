"""One's own page: how it looks, what is kept about one, and the way to be forgotten."""

from typing import Any

from flask import Blueprint, Response, render_template, url_for

from chat.domain import accounts, erasure
from chat.web import answers, context, cookies, forms, identity, repeats

blueprint = Blueprint("me", __name__)


@blueprint.get("/me")
def page(error: dict[str, Any] | None = None) -> str:
    identity.user_required()
    return render_template("me.html", error=error)


@blueprint.get("/me/kept", endpoint="kept")
def download() -> Response:
    """Everything that is kept about the one who asks, as a file."""
    from chat.domain import personal_data  # late, for it is seldom asked for

    user = identity.user_required()
    pieces = personal_data.about(context.process().store, user.id)
    answer = answers.json_text(piece.encode() for piece in pieces)
    answer.headers["Content-Disposition"] = 'attachment; filename="kept-about-me.json"'
    return answer


@blueprint.post("/me/view")
def choose_view() -> Response:
    user = identity.user_required()
    context.process().store.write(accounts.choose_view, user.id, forms.posted().get("view"))
    return answers.done(None, url_for("me.page"))


@answers.shown_again("me.choose_view")
@answers.shown_again("me.forget")
def page_again(error: dict[str, Any]) -> str:
    return page(error)


@blueprint.post("/me/forget")
def forget() -> Response:
    user = None if repeats.is_repeat() else identity.user_required()  # who sends it again is nobody by now
    repeats.write(erasure.ask, user, forms.posted().get("choice"))
    answer = answers.done(None, url_for("pages.home"))
    cookies.forget(answer)
    return answer
