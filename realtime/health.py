"""What watches a service asks of it, and the description of its API."""

from functools import lru_cache

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from redis.exceptions import RedisError

from realtime import openapi
from realtime.errors import RETRY_AFTER, answer
from realtime.request import allow, check_bearer, services, visitor
from workers import trouble

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@openapi.describe(answer="Ok", caller="world")
def health() -> Response:
    """Whether this process answers at all."""
    return jsonify(ok=True)


@blueprint.get("/readyz")
@openapi.describe(answer="Ready", caller="world")
def ready() -> Response:
    """Whether Redis takes writes and the relay hears it: `probe_age` in seconds, and the gaps so far; 503 otherwise."""
    try:
        services().redis.ping()
    except RedisError as error:
        return answer(503, "unavailable", trouble.sentence(error) or trouble.AWAY, retry_after=RETRY_AFTER)
    pulse = services().pulse
    if not pulse.live:
        return answer(503, "unavailable", pulse.refusal or f"the relay is {pulse.state}", retry_after=RETRY_AFTER)
    return jsonify(ok=True, probe_age=pulse.probe_age, gaps=pulse.gaps)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Counts for Prometheus, to operators (`Authorization: Bearer <token>`)."""
    check_bearer()
    allow(services().access.may_oversee(visitor()))
    return Response(services().metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


@blueprint.get("/api/openapi.json")
@openapi.describe(answer="OpenApi", caller="world", conditional=True)
def read_openapi() -> Response:
    """This description."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # what stands behind the name in every request
    cookie = services().sessions.get_cookie_name(app).encode()
    response = Response(_document(app).replace(openapi.COOKIE.encode(), cookie), mimetype="application/json")
    response.add_etag()
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


@lru_cache(1)
def _document(app: Flask) -> bytes:
    """Made once: all of it is known when the first request comes, and it takes as long as a hundred small answers."""
    return (app.json.dumps(openapi.document(app), separators=(",", ":")) + "\n").encode()
