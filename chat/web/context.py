"""What the app of this request is joined from, and what depends on where it lies."""

from flask import current_app, request

from chat.server.process import Process


def process() -> Process:
    """What the app of this request is joined from."""
    return current_app.extensions["chat"]


def heads_url() -> str:
    """The path of the folder of head files, as this request's site is reached."""
    url = process().operators_config.heads_url
    return url if url.startswith("/") else f"{request.script_root}/{url}"
