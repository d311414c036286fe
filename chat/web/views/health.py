"""Whether the chat can do its work: asked by load balancers and by people in doubt."""

from flask import Blueprint, Response

from chat import __version__
from chat.web import answers, context

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 when something could be written just now; otherwise `ChatError` `busy`, which is 503."""
    context.process().store.prove_writable()
    return answers.json({"status": "ok", "version": __version__})
