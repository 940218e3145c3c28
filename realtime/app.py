"""Makes the Flask application: defaults, services, blueprints."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import flask
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from redis import Redis

from realtime import (
    actions,
    api,
    audit,
    errors,
    health,
    intake,
    operators,
    pages,
    push,
    request,
    schedule,
    search,
    tutorials,
)
from realtime.access import Access
from realtime.aside import Read
from realtime.hardening import Hardened
from realtime.limited import Request
from realtime.logins import Logins
from realtime.metrics import Metrics
from realtime.pages import FRONTEND
from realtime.pulse import Pulse
from realtime.sessions import Sessions
from workers import jobs
from workers.history import History
from workers.queue import Jobs
from workers.settings import Secrets, Settings
from workers.tasks import Tasks

SESSION_LIFETIME = timedelta(days=365)  # a browser keeps its jobs for as long as they live, and longer
BODY_LIMIT = 1024 * 1024  # bytes; bulk submits may be larger
HTTPS_LASTS = 30 * 24 * 3600  # seconds for which a browser asks us by HTTPS alone, once it has
CONFIG = {
    "SESSION_COOKIE_HTTPONLY": True,  # the rest of it: realtime/sessions.py
    "SESSION_COOKIE_SAMESITE": "Lax",
    "PERMANENT_SESSION_LIFETIME": SESSION_LIFETIME,
    # an answer that was under way during a login would bring back the session of before; pages renew it
    "SESSION_REFRESH_EACH_REQUEST": False,
    "MAX_CONTENT_LENGTH": BODY_LIMIT,
}
PREFLIGHT_TTL = 600  # seconds for which a browser remembers what a foreign page may send
POLICY = (
    "default-src 'self'; connect-src {sockets}; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
FILES = ("/js/", "/css/", "/vendor/", "/v/")  # what pages of HEADWAY_ORIGINS may load


@dataclass(frozen=True)
class Services:
    """What the views work with: `current_app.extensions["headway"]`."""

    settings: Settings
    access: Access
    sessions: Sessions
    logins: Logins
    redis: Redis
    jobs: Jobs
    history: History
    pulse: Pulse  # how fresh what the relay shows is
    metrics: Metrics
    read_aside: Read  # reads what a body submits, where that delays nobody


class StrictJSON(DefaultJSONProvider):
    """Answers are JSON, or errors: never NaN or Infinity, which no reader but Python's takes."""

    sort_keys = False  # the order of the contract is easier to read

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Raises ValueError."""
        return super().dumps(obj, **{**kwargs, "allow_nan": False})


def create_app(
    settings: Settings,
    secrets: Secrets,
    redis: Redis,
    *,
    pulse: Pulse,
    metrics: Metrics,
    read_aside: Read | None = None,
) -> Flask:
    """`read_aside`: how large bodies are read; None: right here."""
    app = Flask("realtime", static_folder=None, template_folder=str(FRONTEND / "templates"))
    app.request_class = Request
    app.url_map.converters["job"] = api.JobConverter
    app.url_map.merge_slashes = False  # it would redirect to the Host that the client named
    app.config.update(CONFIG, SECRET_KEY=secrets.secret_key)
    access = Access(settings, secrets)
    app.session_interface = sessions = Sessions(settings, access)
    app.json = StrictJSON(app)
    tasks = Tasks.collect(jobs, settings.queue_names)
    tasks.warn()
    kept = Jobs(redis, tasks, settings.queue_names, settings.naming)
    kept.retention = settings.retention
    app.extensions["headway"] = Services(
        settings=settings,
        access=access,
        sessions=sessions,
        logins=Logins(redis),
        redis=redis,
        jobs=kept,
        history=History(redis),
        pulse=pulse,
        metrics=metrics,
        read_aside=read_aside or partial(intake.read, tasks=tasks),
    )
    errors.register(app)
    app.before_request(request.check_origin)
    app.before_request(request.check_coding)
    app.before_request(request.check_sender)
    for part in (api, search, actions, audit, operators, schedule, push, health, pages, tutorials):
        app.register_blueprint(part.blueprint)
    app.after_request(_stay_here)
    app.after_request(_harden)
    app.after_request(_share)
    app.wsgi_app = Hardened(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _stay_here(response: Response) -> Response:
    """Redirect to a path alone: Flask adds a slash by an address made of the Host that the client named."""
    parts = urlsplit(response.location or "")
    if parts.netloc:
        response.location = "/" + parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        response.set_data(b"")
    return response


def _harden(response: Response) -> Response:
    """The policy of our pages, and what depends on the host; other headers are those of `realtime/hardening.py`."""
    host = flask.request.environ.get("HTTP_HOST", "")
    # not every browser takes 'self' for sockets too
    sockets = f"'self' ws://{host} wss://{host}" if HOST.fullmatch(host) else "'self'"
    response.headers.setdefault("Content-Security-Policy", POLICY.format(sockets=sockets))
    here = request.services()
    # for the standard port alone: browsers would take other ports of the host, which may speak HTTP, for HTTPS too
    if here.access.is_https(flask.request.scheme, host) and ":" not in host:
        response.headers["Strict-Transport-Security"] = f"max-age={HTTPS_LASTS}"
    if here.settings.origins and flask.request.path.startswith(FILES):
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _share(response: Response) -> Response:
    """Let pages of the named foreign origins read what they ask for, and load our modules; without our cookies."""
    here = request.services()
    response.vary.add("Origin")
    if (origin := flask.request.headers.get("Origin")) in here.settings.origins:
        response.headers["Access-Control-Allow-Origin"] = str(origin)
        response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After, WWW-Authenticate"
        if flask.request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(response.allow))
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key"
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_TTL)
    return response
