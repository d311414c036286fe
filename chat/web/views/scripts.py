"""The scripts of the pages and of the worker, each in one answer."""

from flask import Blueprint, Response, request

from chat.web import assets

YEAR_SECONDS = 365 * 86400

# Without `.js` at the end: many a host takes that for a file, and looks for it in the web root.
blueprint = Blueprint("scripts", __name__, url_prefix="/scripts")


def joined(name: str) -> Response:
    """One script; to be kept for good when it is of the edition that was asked for.

    When another edition than this process's is asked for, a process that has begun since knows newer files: then
    what lies on the disk by now is given.
    """
    wanted = request.args.get("v")
    edition = assets.current()
    if wanted and wanted != edition.name:
        edition = assets.newest()
    answer = Response(edition.scripts[name], content_type="text/javascript; charset=utf-8")
    is_wanted = wanted == edition.name
    answer.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable" if is_wanted else "no-cache"
    answer.set_etag(edition.name)
    answer.make_conditional(request)
    return answer


for _name in [*assets.PAGES, *assets.WORKERS]:
    blueprint.add_url_rule(f"/{_name}", defaults={"name": _name}, view_func=joined)
