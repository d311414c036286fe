"""Join the parts into a WSGI app."""

import logging
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadSignature
from markupsafe import Markup
from werkzeug.wsgi import ClosingIterator

from chat import __version__
from chat.core import config as configuration
from chat.core import log_lines, resources
from chat.core.addresses import shortened
from chat.core.config import Config
from chat.domain import rendering
from chat.runtime import secret
from chat.server import capacity
from chat.server.process import Parts
from chat.web import assets, clock, cookies, cors, flood, i18n, identity, repeats, views
from chat.web.incoming import FIELDS, IncomingRequest
from chat.web.proxies import KnownHosts, TrustedProxies

log = logging.getLogger("chat.requests")

REQUEST_BYTES = 256 * 1024  # a message of 4,000 characters, however encoded, fits ten times over
ADDRESSES = 4096  # of pages and files that have been linked to of late
KEPT_CHARACTERS = 200  # of a value in an address that is kept; what is longer was typed by somebody
MOUNTS = 16  # the site may be reached below several paths
COOKIES = 4096  # of browsers that have asked of late, some 500 bytes each
YEAR_SECONDS = 365 * 86400
FILES = {"static", "scripts.joined"}  # what needs neither the store nor a person
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "manifest-src 'self'"
)


def create_app(config: Config | None = None) -> Flask:
    """The app, with its settings checked; what it needs is opened by the first request, or by `Parts.start`.

    Raises ConfigError for a setting that is wrong.
    """
    config = config or configuration.load()
    i18n.forget()  # what an app in another language has said
    _markup.cache_clear()
    app = _Site("chat", template_folder=resources.folder("templates"), static_folder=resources.folder("static"))
    key = secret.of(config.instance)
    app.config.update(
        SECRET_KEY=key,
        COOKIE_MARK=secret.mark_of(key),
        MAX_CONTENT_LENGTH=REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=REQUEST_BYTES,
        MAX_FORM_PARTS=FIELDS,
        SESSION_COOKIE_NAME=cookies.TOKEN,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=identity.COOKIE_SECONDS,
        BABEL_DEFAULT_LOCALE=config.language,
    )
    app.session_interface = _TokenCookie(app)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    parts = app.extensions["chat"] = Parts(config)
    views.register(app)
    _surround_requests(app, parts)
    _give_to_templates(app, parts)
    known = KnownHosts(_Rests(app.wsgi_app, parts), config.hosts)
    told = cors.OtherOrigins(known, config.allowed_origins)
    app.wsgi_app = TrustedProxies(told, config.trusted_proxies)  # type: ignore[method-assign]
    _log_to_stderr(app)
    return app


def _surround_requests(app: Flask, parts: Parts) -> None:
    @app.before_request
    def begin() -> None:
        g.began_at = time.monotonic()
        if request.endpoint is not None and request.endpoint not in FILES:
            parts.start(capacity.host_of(request.environ))
            parts.learn(request.environ)
            if not parts.host.lasts:
                parts.look()
        if request.routing_exception is None:  # a wrong address or method is told as such
            is_repeat = repeats.recall()
            identity.check_post(is_repeat)
            if not is_repeat:
                flood.check_request()

    cors.surround(app)
    app.after_request(identity.renew)

    protection = [
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        ("X-Frame-Options", "SAMEORIGIN"),  # for browsers that do not know frame-ancestors
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
    ]
    if not parts.config.index:
        protection.append(("X-Robots-Tag", "noindex"))

    @app.after_request
    def protect(answer: Response) -> Response:
        answer.headers.extend(protection)
        if request.endpoint != "static":
            answer.headers.setdefault("Cache-Control", "private, no-cache")
        return answer

    @app.after_request
    def note(answer: Response) -> Response:
        """Log the request without what it carries: no query string, which may hold a code, and no body."""
        took_ms = (time.monotonic() - g.get("began_at", time.monotonic())) * 1000
        if request.endpoint in FILES or "is_held" in g:  # what is held is noted when it is answered
            return answer
        address = shortened(request.remote_addr, parts.config.log_addresses)
        asked = log_lines.request_line(request.method, request.path)
        log.info("%s %d %.0f ms %s", asked, answer.status_code, took_ms, address)
        return answer


def _give_to_templates(app: Flask, parts: Parts) -> None:
    app.add_template_filter(clock.element, "clock")
    app.add_template_filter(i18n.isolated, "isolated")
    # One language for the whole site, so that each text is looked up once.
    app.jinja_env.install_gettext_callables(i18n.singular, i18n.plural, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals.update(_=_in_page, gettext=_in_page)

    @lru_cache(MOUNTS)
    def same_for_all(script_root: str, template: str) -> Markup:
        return Markup(app.jinja_env.get_template(template).render(version=assets.current().name))

    # What differs between no two readers is drawn once for each mount point.
    app.jinja_env.globals["same_for_all"] = lambda template: same_for_all(request.script_root, template)

    @app.context_processor
    def shared() -> dict[str, Any]:
        config = parts.config
        user = identity.who().user if parts.is_open else None
        return {
            "site": {
                "name": config.site_name,
                "welcome": config.welcome,
                "footer_links": config.footer_links,
                "guest_days": config.guest_days,
            },
            "me": _me(user) if user is not None else None,
            "csrf_token": identity.csrf_token,
            "form_id": repeats.page_id,
            "version": assets.current().name,
            "program_version": __version__,
            "lang": config.language,
            "may_index": config.index,
        }


def _me(user: Any) -> dict[str, Any]:
    initial = rendering.initial_of(user.name, user.bearer)
    return {
        "id": user.id,
        "name": user.name,
        "kind": user.kind,
        "colour": user.colour,
        "initial": initial,
        "is_owner": user.is_owner,
        "is_compact": user.is_compact,
    }


def _log_to_stderr(app: Flask) -> None:
    root = logging.getLogger("chat")
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(log_lines.LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)


def _in_page(text: str, /, **values: Any) -> Markup:
    """As Jinja's, which makes the same Markup of the same text anew each time, dozens on every page."""
    return Markup(i18n.singular(text)) % i18n.apart(values) if values else _markup(text)


@lru_cache(i18n.WORDS)
def _markup(text: str) -> Markup:
    return Markup(i18n.singular(text)) % {}


class _Rests:
    """WSGI middleware: what a process that does not last between its requests does after each of them."""

    def __init__(self, app: Any, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        answer = self._app(environ, start_response)
        if not self._parts.is_open or self._parts.host.lasts:
            return answer  # as it is: a worker that parks looks at it
        is_end = bool(environ.get("wsgi.run_once"))
        return ClosingIterator(answer, [lambda: self._parts.rest(is_end)])


class _Site(Flask):
    request_class = IncomingRequest

    def url_for(self, endpoint: str, **values: Any) -> str:
        """As Flask's, each address made once: a page has a hundred, and they depend on the mount point alone."""
        if "_external" in values or any(map(_is_long, values.values())):
            return super().url_for(endpoint, **values)
        return self._address(request.script_root, endpoint, *values.items())

    @lru_cache(ADDRESSES)  # noqa: B019 - there is one app in a process
    def _address(self, script_root: str, endpoint: str, *values: tuple[str, Any]) -> str:
        return super().url_for(endpoint, **dict(values))

    def load_templates(self) -> None:
        """Compile them all: some take 15 ms, for which the first reader of a page would hold up everybody else."""
        for name in self.jinja_env.list_templates():
            self.jinja_env.get_template(name)
        rendering.template()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine; Flask would look at every view and hook in every request."""
        return func

    def process_response(self, response: Response) -> Response:
        """As Flask's, but an answer that is replaced by an error's gives back what it holds: a reader's place."""
        try:
            return super().process_response(response)
        except BaseException:
            response.close()
            raise

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Files that are asked for by version never change; others are asked for anew."""
        return YEAR_SECONDS if request.args.get("v") else 0


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > KEPT_CHARACTERS


class _TokenCookie(SecureCookieSessionInterface):
    """Flask's own session is what a visitor's browser keeps, too. It follows the site's scheme and path."""

    _serializer: Any

    def __init__(self, app: Flask) -> None:
        # Both once, because the key does not change while the app runs: the serializer, and what a cookie says.
        self._serializer = super().get_signing_serializer(app)
        self._loads = lru_cache(COOKIES)(self._serializer.loads)

    def get_signing_serializer(self, app: Flask) -> Any:
        return self._serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """As Flask does, but for the age: a clock that was set back would make every cookie come from the future."""
        signed = cookies.sent(cookies.TOKEN)
        if not signed:
            return self.session_class()
        try:
            kept = self._loads(signed)
        except BadSignature:
            return self.session_class()
        if not cookies.is_token_as_good():  # a sibling host may have planted it
            kept = {name: value for name, value in kept.items() if name != identity.SEED}
        return self.session_class(kept)

    def get_cookie_name(self, app: Flask) -> str:
        return cookies.name_of(cookies.TOKEN)

    def get_cookie_path(self, app: Flask) -> str:
        return identity.cookie_path()

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_cookie_samesite(self, app: Flask) -> str:
        return identity.same_site()

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """As Flask does, but what the cookie is to look like is asked only where there is one to set or to delete."""
        if not session or self.should_set_cookie(app, session):
            super().save_session(app, session, response)
        elif session.accessed:
            response.vary.add("Cookie")

    def should_set_cookie(self, app: Flask, session: Any) -> bool:
        """Only when the seed is new, when a visit starts the time of the session's cookie anew, or by a new name."""
        is_due = bool(session) and (session.modified or "renewed_key" in g or cookies.must_rename_token())
        if is_due:
            session.permanent = True
        return is_due
