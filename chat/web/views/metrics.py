"""Metrics of all processes for the operator's monitoring, whichever process answers."""

from flask import Blueprint, Response

from chat.runtime import metrics as board
from chat.web import context, identity

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus text, for the operator only. ChatError `sign_in` for a wrong token, `not_found` for others."""
    identity.operator_required()
    process = context.process()
    process.note_figures()
    text = board.as_text(process.board.sheets())
    return Response(text, content_type=board.TEXT, headers={"Cache-Control": "no-store"})
