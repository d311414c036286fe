"""The scripts of the pages and of the worker, each joined into one answer."""

from flask import Blueprint, Response, request

from chat.web import assets

YEAR_SECONDS = 365 * 86400

# Without `.js` at the end, because many hosts would look for a file in the web root.
blueprint = Blueprint("scripts", __name__, url_prefix="/scripts")


def joined(name: str) -> Response:
    """One script, for everybody; cacheable for a year if it is of the edition that `v` names.

    If `v` names another edition than this process's, a newer process may have put it into a page, so the files that
    are on disk now are sent.
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
