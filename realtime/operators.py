"""The JSON API of queues and workers, for operators. Each view's docstring is its text in /api/openapi.json."""

from flask import Blueprint, Response, jsonify

from realtime import openapi
from realtime.request import allow, services, visitor
from workers import overview

blueprint = Blueprint("operators", __name__)


@blueprint.get("/api/queues")
@openapi.describe(answer="Queues", operator=True)
def list_queues() -> Response:
    """The queues with their counts."""
    allow(services().access.may_operate(visitor()))
    return jsonify(queues=overview.queues(services().redis, services().jobs.queues))


@blueprint.post("/api/queues/<name>/empty")
@openapi.describe(answer="Count", operator=True)
def empty_queue(name: str) -> Response:
    """Delete every job that waits on a queue."""
    allow(services().access.may_operate(visitor()))
    return jsonify(count=services().jobs.empty(name))


@blueprint.post("/api/queues/<name>/requeue-failed")
@openapi.describe(answer="Count", operator=True)
def requeue_failed(name: str) -> Response:
    """Requeue every failed job of a queue."""
    allow(services().access.may_operate(visitor()))
    return jsonify(count=services().jobs.requeue_failed(name))


@blueprint.get("/api/workers")
@openapi.describe(answer="Workers", operator=True)
def list_workers() -> Response:
    """The workers that are up."""
    allow(services().access.may_operate(visitor()))
    return jsonify(workers=overview.workers(services().redis))
