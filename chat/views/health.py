"""Whether the chat can do its work: asked by load balancers and by people in doubt."""

from flask import Blueprint, Response

from chat import __version__, identity
from chat.store import Transaction, facts
from chat.views import answers

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 when something could be written just now; otherwise `Store.write` raises `busy`, which is 503."""
    identity.parts().store.write(_write)
    return answers.json({"status": "ok", "version": __version__})


def _write(tx: Transaction) -> None:
    facts.put(tx, "healthy_at", tx.now)
