"""Flask's session: the signed cookie that a visitor's browser keeps, too."""

from functools import lru_cache
from typing import Any

from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadSignature

from chat.web import cookies

COOKIES = 4096  # of browsers that have asked of late, some 500 bytes each


class TokenCookie(SecureCookieSessionInterface):
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
            kept = {name: value for name, value in kept.items() if name != cookies.SEED}
        return self.session_class(kept)

    def get_cookie_name(self, app: Flask) -> str:
        return cookies.name_of(cookies.TOKEN)

    def get_cookie_path(self, app: Flask) -> str:
        return cookies.cookie_path()

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_cookie_samesite(self, app: Flask) -> str:
        return cookies.same_site()

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
