"""The session's cookie: named after the address that it is for, and taken over from where the browser had it before."""

import hashlib
import re
import time
from collections.abc import Mapping
from typing import Any

import flask
from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer

from realtime.access import Access
from realtime.hosts import split_host
from workers.settings import Settings

OLD_NAME = "headway"  # of the cookie of releases before logins had numbers
OLD_SALT = "cookie-session"
OLD_LOGIN = "old-"  # how the number of such a cookie's login begins
TOO_OLD = "too old"  # the digest of no token: nobody is logged in by it, and the owner stays who they are
OLD_LOGIN_LASTS = 30 * 24 * 3600  # seconds for which such a cookie logs in; nobody makes new ones
COOKIES_LIMIT = 8  # that are tried: other installations of the host have theirs, which we can't read
SAME_SITE = "_same_site"  # at the end of the name of the cookie that no page of another site can have a browser send


class Session(SecureCookieSession):
    """`owner`; `login`, the number of a login; `day`, on which the cookie was renewed."""

    moves = False  # whether it came in a cookie of another name: pages put it into ours
    claim = ""  # what a cookie of an earlier release says in place of a number: the digest of a token
    digest: str | None = (
        None  # of the token that the login was made with, once it was looked up; '' = the login is over
    )


class Sessions(SecureCookieSessionInterface):
    """Reads and writes sessions, for Flask.

    A browser keeps one cookie of a name for all ports of a host, so ours is named after port (the one that the browser
    asked, which a proxy may have) and prefix. Where there is none of that name, one that we signed for another address,
    or as an earlier release, is as good: browsers keep their jobs when the address or the release changes.
    """

    salt = "headway-session"
    session_class = Session

    def __init__(self, settings: Settings, access: Access) -> None:
        self._prefix = settings.prefix
        self._access = access

    def open_session(self, app: Flask, request: Request) -> Session:
        max_age = int(app.permanent_session_lifetime.total_seconds())
        serializer = self.get_signing_serializer(app)
        assert serializer is not None, "Secrets always has a key"
        name = self._name(request.environ)
        others = (other for other in request.cookies if re.fullmatch(r"headway_[0-9a-f]{8}", other) and other != name)
        for number, candidate in enumerate((name, *others)):
            if number == COOKIES_LIMIT:
                break
            if found := _read(serializer, request.cookies.get(candidate, ""), max_age):
                session = Session(found[0])
                session.moves = candidate != name
                return session
        return self._open_old(app, request.cookies.get(OLD_NAME, ""), max_age)

    def _open_old(self, app: Flask, cookie: str, max_age: int) -> Session:
        signed_as = {"key_derivation": self.key_derivation, "digest_method": self.digest_method}
        serializer = URLSafeTimedSerializer(
            app.secret_key or "", salt=OLD_SALT, serializer=self.serializer, signer_kwargs=signed_as
        )
        found = _read(serializer, cookie, max_age)
        if found is None:
            return Session()
        data, signed_at = found
        claim = data.pop("login", None)
        session = Session(data)
        session.moves = True
        if isinstance(claim, str):
            # the same number whenever it is shown, so that a logout ends all copies
            session["login"] = f"{OLD_LOGIN}{hashlib.sha256(str(data.get('owner')).encode()).hexdigest()[:32]}"
            session.claim = claim if time.time() - signed_at <= OLD_LOGIN_LASTS else TOO_OLD
        session.modified = False
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        super().save_session(app, session, response)
        if session and self.should_set_cookie(app, session):
            response.set_cookie(
                self.get_cookie_name(app) + SAME_SITE,
                "1",
                expires=self.get_expiration_time(app, session),
                httponly=True,
                path=self.get_cookie_path(app),
                secure=self.get_cookie_secure(app),
                samesite="Strict",
            )

    def is_of_this_site(self, request: Request) -> bool:
        """Whether the browser was not sent here by a page of another site; False where it has no session yet."""
        return f"{self._name(request.environ)}{SAME_SITE}" in request.cookies

    def get_cookie_name(self, app: Flask) -> str:
        return self._name(flask.request.environ)

    def get_cookie_path(self, app: Flask) -> str:
        return self._prefix or "/"

    def get_cookie_secure(self, app: Flask) -> bool:
        return self._access.is_https(flask.request.scheme, flask.request.environ.get("HTTP_HOST", ""))

    def _name(self, environ: Mapping[str, Any]) -> str:
        _, port = split_host(environ.get("HTTP_HOST", ""))
        return f"headway_{hashlib.sha256(f'{self._prefix}|{port}'.encode()).hexdigest()[:8]}"


def _read(serializer: URLSafeTimedSerializer, cookie: str, max_age: int) -> tuple[dict[str, Any], float] | None:
    """What the cookie says, and when it was signed (Unix time); None where it is none of ours."""
    try:
        data, signed_at = serializer.loads(cookie, max_age=max_age, return_timestamp=True)
    except BadSignature:
        return None
    return (data, signed_at.timestamp()) if isinstance(data, dict) and data else None
