"""Makes the Flask application: defaults, services, blueprints."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import flask
from flask import Flask, Response
from redis import Redis

from realtime import (
    actions,
    api,
    audit,
    errors,
    health,
    operators,
    pages,
    push,
    request,
    schedule,
    search,
    tutorials,
)
from realtime.access import Access
from realtime.limited import Request
from realtime.metrics import Metrics
from realtime.pages import FRONTEND
from realtime.pulse import Pulse
from workers import jobs
from workers.history import History
from workers.queue import Jobs
from workers.settings import Secrets, Settings
from workers.tasks import Tasks

SESSION_LIFETIME = timedelta(days=365)  # a browser keeps its jobs for as long as they live, and longer
BODY_LIMIT = 1024 * 1024  # bytes; bulk submits may be larger
PREFLIGHT_TTL = 600  # seconds for which a browser remembers what a foreign page may send
POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)


@dataclass(frozen=True)
class Services:
    """What the views work with: `current_app.extensions["headway"]`."""

    settings: Settings
    access: Access
    redis: Redis
    jobs: Jobs
    history: History
    pulse: Pulse  # how fresh what the relay shows is
    metrics: Metrics


def create_app(settings: Settings, secrets: Secrets, redis: Redis, *, pulse: Pulse, metrics: Metrics) -> Flask:
    app = Flask("realtime", static_folder=None, template_folder=str(FRONTEND / "templates"))
    app.request_class = Request
    app.url_map.merge_slashes = False  # it would redirect to the Host that the client named
    app.config.update(
        SECRET_KEY=secrets.secret_key,
        SESSION_COOKIE_NAME="headway",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        # an answer that was under way during a login would bring back the session of before; pages renew it
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=BODY_LIMIT,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the order of the contract is easier to read
    app.extensions["headway"] = Services(
        settings=settings,
        access=Access(settings, secrets),
        redis=redis,
        jobs=Jobs(redis, Tasks.collect(jobs), settings.queue_names),
        history=History(redis),
        pulse=pulse,
        metrics=metrics,
    )
    errors.register(app)
    app.before_request(request.check_origin)
    for part in (api, search, actions, audit, operators, schedule, push, health, pages, tutorials):
        app.register_blueprint(part.blueprint)
    app.after_request(_stay_here)
    app.after_request(_harden)
    app.after_request(_share)
    return app


def _stay_here(response: Response) -> Response:
    """Redirect to a path alone: Flask adds a slash by an address made of the Host that the client named."""
    parts = urlsplit(response.location or "")
    if parts.netloc:
        response.location = "/" + parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        response.set_data(b"")
    return response


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _share(response: Response) -> Response:
    """Let pages of the named foreign origins read what they ask for, and load our modules; without our cookies."""
    here = request.services()
    response.vary.add("Origin")
    if (origin := flask.request.headers.get("Origin")) in here.settings.origins:
        response.headers["Access-Control-Allow-Origin"] = str(origin)
        response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After"
        if flask.request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key"
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_TTL)
    return response
