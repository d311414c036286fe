"""Flask's session as the signed token cookie, which visitors have, too."""

from functools import lru_cache
from typing import Any

from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadSignature

from chat.web import cookies

COOKIES = 4096  # of recent browsers, about 500 bytes each


class TokenCookie(SecureCookieSessionInterface):
    """Flask's session interface with the token cookie's name, path, scheme and lifetime."""

    _serializer: Any

    def __init__(self, app: Flask) -> None:
        # Both are kept, because the key does not change while the app runs: the serializer, and what cookies contain.
        self._serializer = super().get_signing_serializer(app)
        self._loads = lru_cache(COOKIES)(self._serializer.loads)

    def get_signing_serializer(self, app: Flask) -> Any:
        """The one serializer of the app, which Flask would make anew for each request."""
        return self._serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """As in Flask, but the age is not checked: after the clock is set back, every cookie would be from the future.

        A token cookie that a sibling host may have planted loses its seed.
        """
        signed = cookies.sent(cookies.TOKEN)
        if not signed:
            return self.session_class()
        try:
            kept = self._loads(signed)
        except BadSignature:
            return self.session_class()
        if not cookies.is_token_as_good():
            kept = {name: value for name, value in kept.items() if name != cookies.SEED}
        return self.session_class(kept)

    def get_cookie_name(self, app: Flask) -> str:
        """The current name, with the mark of the site."""
        return cookies.name_of(cookies.TOKEN)

    def get_cookie_path(self, app: Flask) -> str:
        """The path below which this request reached the site."""
        return cookies.cookie_path()

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether this request came over HTTPS, whatever `SESSION_COOKIE_SECURE` says."""
        return request.is_secure

    def get_cookie_samesite(self, app: Flask) -> str:
        """The same as for the session's cookie."""
        return cookies.same_site()

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """As in Flask, but the cookie's attributes are computed only if there is one to set or to delete."""
        if not session or self.should_set_cookie(app, session):
            super().save_session(app, session, response)
        elif session.accessed:
            response.vary.add("Cookie")

    def should_set_cookie(self, app: Flask, session: Any) -> bool:
        """Only if the session has changed, a visit renews the session's cookie, or the cookie has an older name."""
        is_due = bool(session) and (session.modified or "renewed_key" in g or cookies.must_rename_token())
        if is_due:
            session.permanent = True
        return is_due
