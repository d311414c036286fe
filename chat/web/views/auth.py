"""Signing in, which asks only for a name; signing out; signing in on another device."""

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from chat.core.errors import N_, ChatError
from chat.domain import accounts, serializers, sessions
from chat.store.tables import events, users
from chat.store.tables import rooms as room_table
from chat.web import answers, context, cookies, cors, csrf, forms, identity, qr, repeats
from chat.web.i18n import gettext

LOBBY = "lobby"

blueprint = Blueprint("auth", __name__)


@blueprint.app_context_processor
def refused_key() -> dict[str, Any]:
    """For pages that ask for a name again because the browser did not store the session's cookie."""
    return {"has_refused_key": cookies.has_refused_key}


@blueprint.get("/sign-in")
def sign_in_form(error: dict[str, Any] | None = None) -> Any:
    """The form for a name, for visitors; users are redirected to `next` or the lobby."""
    identity.newcomer_required()
    who = identity.who()
    if who.user is not None and error is None:
        return redirect(_next(), 303)
    name = request.form.get("name", "")
    if error is None and who.lost_name:
        name = who.lost_name
        message = gettext("You were away for a long time, so your name was released. Pick one again.")
        error = {"message": message, "field": "name"}
    return render_template("sign_in.html", next=request.values.get("next", ""), name=name, error=error)


@answers.shown_again("auth.sign_in")
def sign_in_again(error: dict[str, Any]) -> Any:
    """The same with the error."""
    return sign_in_form(error)


@blueprint.post("/sign-in")
def sign_in() -> Response:
    """Start a session under a new name, for people who may see the chat.

    Answers the user and a CSRF token. ChatError `invalid`, `too_long`, `name_taken`; `forbidden` for a bot.
    """
    identity.newcomer_required()
    if identity.who().is_bot:
        raise ChatError("forbidden", N_("A bot already has a name. Send the request without its key."))
    process = context.process()
    name = forms.posted().get("name")
    signed_in = repeats.write(accounts.sign_in, name, process.config.guest_days, identity.where())
    return _welcome(sessions.SignedIn(*signed_in))


@blueprint.get("/sign-out")
def sign_out_form() -> Any:
    """What signing out does, and a button for a link to come back, for users; visitors are redirected to `/`."""
    identity.newcomer_required()
    if identity.who().user is None:
        return redirect(url_for("pages.home"), 303)
    return render_template("sign_out.html", link=None)


@blueprint.post("/sign-out/link")
def make_return_link() -> Response:
    """A link for signing back in after signing out, for users: as JSON or on the page for signing out."""
    user = identity.user_required()
    return _shown_once("sign_out.html", repeats.write_while(sessions.is_unused, sessions.make_return_code, user.id))


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session of this browser and its streams; 204, also for a visitor."""
    session_id = identity.who().session_id
    if session_id is not None:
        context.process().store.write(sessions.sign_out, session_id)
    answer = answers.done(None, url_for("pages.home"))
    cookies.forget(answer)
    return answer


@blueprint.get("/session")
def session() -> Response:
    """The user or null, a CSRF token and the cursor, for everybody; to pages of other origins without a token."""
    user = identity.who().user
    with context.process().store.read() as connection:
        cursor = events.newest_id(connection)
    wire_user = serializers.as_wire_user(user) if user is not None else None
    token = csrf.csrf_token() if cors.reader() is None else None  # they read, and do not post
    return answers.json({"user": wire_user, "csrf_token": token, "cursor": cursor})


@blueprint.get("/device")
def device(error: dict[str, Any] | None = None) -> str:
    """With a code, a button that uses it, for everybody: a link preview must not use the code up.

    Without one, a button that makes a link, for users.
    """
    code = forms.code()
    if not code:
        identity.user_required()
    return render_template("device.html", code=code, error=error)


@blueprint.post("/device")
def make_device_link() -> Response:
    """A link that signs another device in as this user, for users: as JSON or on a page."""
    user = identity.user_required()
    return _shown_once("device_link.html", repeats.write_while(sessions.is_unused, sessions.make_device_code, user.id))


def _shown_once(template: str, code: str) -> Response:
    """The link with this code, on a page that no browser stores, because anyone with the link can sign in."""
    link = url_for("auth.device", code=code, _external=True)
    if answers.wants_json():
        return answers.json({"link": link})
    page = make_response(render_template(template, link=link, qr=qr.svg(link)))
    page.headers["Cache-Control"] = "no-store"
    return page


@answers.shown_again("auth.use_device")
def device_again(error: dict[str, Any]) -> str:
    """The page with the button, with the error."""
    return device(error)


@blueprint.post("/device/use")
def use_device() -> Response:
    """Start a session by the code of such a link, for everybody who may see the chat.

    Answers as `sign_in` does. ChatError `invalid` for a code that is wrong, used or expired.
    """
    identity.newcomer_required()
    code = forms.posted().get("code")
    return _welcome(sessions.SignedIn(*repeats.write(sessions.use_device_code, code, identity.where())))


def _welcome(signed_in: sessions.SignedIn) -> Response:
    """Answer with the new user, and set the session's cookie; a session that the browser had before ends."""
    process, earlier = context.process(), identity.who().session_id
    if earlier is not None and cookies.sent(cookies.SESSION) != signed_in.key:
        process.store.write(sessions.sign_out, earlier)
    with process.store.read() as connection:
        user = users.get(connection, signed_in.user_id)
    wire = {"user": serializers.as_wire_user(user), "csrf_token": csrf.csrf_token_of(signed_in.key)}
    answer = answers.done(wire, _next())
    cookies.remember(answer, signed_in.key)
    return answer


def _next() -> str:
    """Where to go after signing in: `next`, else the lobby, else the list of rooms."""
    asked = forms.local_path(request.values.get("next"))
    if asked:
        return asked
    with context.process().store.read() as connection:
        has_lobby = room_table.find(connection, LOBBY) is not None
    return url_for("pages.room", slug=LOBBY) if has_lobby else url_for("pages.home")
