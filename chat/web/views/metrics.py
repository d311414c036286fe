"""What an operator's programs watch: the figures of all processes, whichever of them is asked."""

from flask import Blueprint, Response

from chat.runtime import metrics as board
from chat.web import context, identity

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    identity.operator_required()
    process = context.process()
    process.note_figures()
    text = board.as_text(process.board.sheets())
    return Response(text, content_type=board.TEXT, headers={"Cache-Control": "no-store"})
