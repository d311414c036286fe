"""Whether the chat works, for load balancers and for people who wonder."""

from flask import Blueprint, Response

from chat import __version__
from chat.web import answers, context

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 for everybody if the store could be written within the last second; else ChatError `busy` (503)."""
    context.process().store.prove_writable()
    return answers.json({"status": "ok", "version": __version__})
