"""The page that asks for the entry word before anything else is shown."""

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for

from chat.core.errors import N_, ChatError
from chat.web import answers, context, entry_word, flood, forms, identity

blueprint = Blueprint("entry", __name__)


@blueprint.get("/enter")
def form(error: dict[str, Any] | None = None) -> Any:
    """The form for the entry word, for everybody; a browser that has given it is redirected to `next`."""
    if entry_word.was_given(context.process().config.entry_word):
        return redirect(_next(), 303)
    return render_template("enter.html", next=request.values.get("next", ""), error=error)


@answers.shown_again("entry.enter")
def form_again(error: dict[str, Any]) -> Any:
    """The same with the error."""
    return form(error)


@blueprint.post("/enter")
def enter() -> Response:
    """Let the browser in, for everybody. ChatError `entry_word` for a wrong word."""
    word = forms.posted().get("word")
    if not isinstance(word, str) or not entry_word.accept(word, context.process().config.entry_word):
        raise ChatError("entry_word", N_("Wrong password. Ask whoever invited you."), field="word")
    identity.who()  # a session's cookie of an older name is renewed together with the one that holds the word
    flood.give_back("word")
    return answers.done(None, _next())


def _next() -> str:
    return forms.local_path(request.values.get("next")) or url_for("pages.home")
