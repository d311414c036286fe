"""The process that answers this request, and what depends on where the app lies."""

from flask import current_app, request

from chat.server.lifecycle import Lifecycle
from chat.server.process import Process


def lifecycle() -> Lifecycle:
    """What the app of this request has from its start, also where no process could be opened for it."""
    return current_app.extensions["chat"]


def process() -> Process:
    """The process that answers this request: open in every view, though perhaps not on the page of an error."""
    return lifecycle().process


def heads_url() -> str:
    """The path of the folder of head files, as this request's site is reached."""
    url = process().operators_config.heads_url
    return url if url.startswith("/") else f"{request.script_root}/{url}"
