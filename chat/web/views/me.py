"""The user's own page: how the chat looks, what is stored about them, and how to be forgotten."""

from typing import Any

from flask import Blueprint, Response, render_template, url_for

from chat.domain import accounts, erasure
from chat.web import answers, context, cookies, forms, identity, repeats

blueprint = Blueprint("me", __name__)


@blueprint.get("/me")
def page(error: dict[str, Any] | None = None) -> str:
    """The page, for users. ChatError `sign_in` for visitors."""
    identity.user_required()
    return render_template("me.html", error=error)


@blueprint.get("/me/kept", endpoint="kept")
def download() -> Response:
    """Everything that is stored about the user, as a JSON file that is sent while it is read. ChatError `sign_in`."""
    from chat.domain import personal_data  # late, because it is seldom needed

    user = identity.user_required()
    pieces = personal_data.about(context.process().store, user.id)
    answer = answers.json_text(piece.encode() for piece in pieces)
    answer.headers["Content-Disposition"] = 'attachment; filename="kept-about-me.json"'
    return answer


@blueprint.post("/me/view")
def choose_view() -> Response:
    """Set the spacing of messages on the user's pages; 204, or 303 to `/me`. ChatError `invalid` otherwise."""
    user = identity.user_required()
    context.process().store.write(accounts.choose_view, user.id, forms.posted().get("view"))
    return answers.done(None, url_for("me.page"))


@answers.shown_again("me.choose_view")
@answers.shown_again("me.forget")
def page_again(error: dict[str, Any]) -> str:
    """The page with the error."""
    return page(error)


@blueprint.post("/me/forget")
def forget() -> Response:
    """Sign the user out everywhere and forget them; 204, or 303 to `/`. ChatError `invalid` for an unknown choice."""
    user = None if repeats.is_repeat() else identity.user_required()  # whoever repeats it is signed out by now
    repeats.write(erasure.ask, user, forms.posted().get("choice"))
    answer = answers.done(None, url_for("pages.home"))
    cookies.forget(answer)
    return answer
