"""Files for machines: what search engines may list, and where to report a vulnerability."""

from flask import Blueprint, Response, url_for

from chat.core import times
from chat.core.errors import N_, ChatError
from chat.web import context

EXPIRES_DAYS = 300  # RFC 9116 wants a date less than a year ahead

blueprint = Blueprint("well_known", __name__)


@blueprint.get("/robots.txt")
def robots() -> Response:
    """What search engines may list, as plain text for everybody: all pages or none."""
    may = "Disallow:" if context.process().config.index else "Disallow: /"
    return Response(f"User-agent: *\n{may}\n", mimetype="text/plain")


@blueprint.get("/.well-known/security.txt")
def security() -> Response:
    """The contact for security reports (RFC 9116), for everybody. ChatError `not_found` if none is set."""
    contact = context.process().config.security_contact
    if not contact:
        raise ChatError("not_found", N_("This site has no contact for security reports."))
    canonical = url_for("well_known.security", _external=True)
    lines = [f"Contact: {contact}", f"Expires: {times.ahead(days=EXPIRES_DAYS)}", f"Canonical: {canonical}"]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")
