"""The WSGI app, joined from its parts."""

import logging
import sys
import time

from flask import Flask, Response, g, request

from chat.core import config as configuration
from chat.core import log_lines, resources
from chat.core.addresses import shortened
from chat.core.config import Config
from chat.runtime import secret
from chat.server import capacity
from chat.server.lifecycle import Lifecycle
from chat.web import cookies, cors, csrf, flood, repeats, templating, views
from chat.web.between_requests import BetweenRequests
from chat.web.flask_app import LongwaveFlask
from chat.web.incoming import FIELDS
from chat.web.proxies import KnownHosts, TrustedProxies
from chat.web.session_cookie import TokenCookie

log = logging.getLogger("chat.requests")

REQUEST_BYTES = 256 * 1024  # a message of 4,000 characters, however encoded, fits five times over
FILES = {"static", "scripts.joined"}  # what needs neither the store nor a person
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
    "manifest-src 'self'"
)


def create_app(config: Config | None = None) -> Flask:
    """The app with checked settings; its process is opened by the first request, or by `Lifecycle.start`.

    Raises ConfigError for a setting that is wrong, SecretError for a damaged key.
    """
    config = config or configuration.load()
    templating.forget()  # what an app in another language has said
    app = LongwaveFlask("chat", template_folder=resources.folder("templates"), static_folder=resources.folder("static"))
    key = secret.of(config.instance, config.secret)
    app.config.update(
        SECRET_KEY=key,
        COOKIE_MARK=secret.mark_of(key),
        MAX_CONTENT_LENGTH=REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=REQUEST_BYTES,
        MAX_FORM_PARTS=FIELDS,
        SESSION_COOKIE_NAME=cookies.TOKEN,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=cookies.COOKIE_SECONDS,
        BABEL_DEFAULT_LOCALE=config.language,
    )
    app.session_interface = TokenCookie(app)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    lifecycle = app.extensions["chat"] = Lifecycle(config)
    views.register(app)
    _surround_requests(app, lifecycle)
    templating.give_to_templates(app, lifecycle)
    known = KnownHosts(BetweenRequests(app.wsgi_app, lifecycle), config.hosts)
    with_origins = cors.OtherOrigins(known, config.allowed_origins)
    app.wsgi_app = TrustedProxies(with_origins, config.trusted_proxies)  # type: ignore[method-assign]
    _log_to_stderr(app)
    return app


def _surround_requests(app: Flask, lifecycle: Lifecycle) -> None:
    @app.before_request
    def begin() -> None:
        g.began_at = time.monotonic()
        if request.endpoint is not None and request.endpoint not in FILES:
            lifecycle.start(capacity.host_of(request.environ))
            lifecycle.learn(request.environ)
            lifecycle.process.before_request()
        if request.routing_exception is None:  # a wrong address or method is told as such
            is_repeat = repeats.recall()
            csrf.check_post(is_repeat)
            if not is_repeat:
                flood.check_request()

    cors.surround(app)
    app.after_request(cookies.renew)

    protection = [
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        ("X-Frame-Options", "SAMEORIGIN"),  # for browsers that do not know frame-ancestors
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
    ]
    if not lifecycle.config.index:
        protection.append(("X-Robots-Tag", "noindex"))

    @app.after_request
    def protect(answer: Response) -> Response:
        answer.headers.extend(protection)
        if request.endpoint != "static":
            answer.headers.setdefault("Cache-Control", "private, no-cache")
        return answer

    @app.after_request
    def note(answer: Response) -> Response:
        """Log the request without its query string, which may contain a code, and without its body."""
        took_ms = (time.monotonic() - g.get("began_at", time.monotonic())) * 1000
        if request.endpoint in FILES or "is_held" in g:  # what is held is noted when it is answered
            return answer
        address = shortened(request.remote_addr, lifecycle.config.log_addresses)
        asked = log_lines.request_line(request.method, request.path)
        log.info("%s %d %.0f ms %s", asked, answer.status_code, took_ms, address)
        return answer


def _log_to_stderr(app: Flask) -> None:
    root = logging.getLogger("chat")
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(log_lines.LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
