"""The JSON API of jobs. Each view's docstring is its text in /api/openapi.json."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from pydantic import BaseModel, ConfigDict

from realtime import openapi
from realtime.request import allow, grant, limit_submits, owner, parse_body, services, visitor
from workers.errors import BadArguments
from workers.store import Stored

BULK_BODY_LIMIT = 8 * 1024 * 1024  # bytes
KEY_LIMIT = 255  # characters of an Idempotency-Key

blueprint = Blueprint("api", __name__)


class Submission(BaseModel):
    """The body of a submit."""

    model_config = ConfigDict(extra="forbid")
    task: str
    args: dict[str, Any] = {}
    queue: str | None = None


class BulkSubmission(BaseModel):
    """The body of a bulk submit."""

    model_config = ConfigDict(extra="forbid")
    task: str
    args: list[Any]  # each checked by its task; a model here would name fields by another path
    queue: str | None = None


def accepted(stored: Stored) -> Response:
    response = jsonify(asdict(stored.state))
    response.status_code = 202
    response.headers["Location"] = url_for("api.read_job", id=stored.state.id)
    return response


@blueprint.post("/api/jobs")
@openapi.describe(body=Submission, status=202, answer="State", idempotency_key=True)
def submit_job() -> Response:
    """Queue a job."""
    who = owner()
    limit_submits(who)
    body = parse_body(Submission)
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= KEY_LIMIT:
        wrong = {"Idempotency-Key": {"expected": f"1 to {KEY_LIMIT} characters", "got": f"{len(key)}"}}
        raise BadArguments(f"Idempotency-Key: expected 1 to {KEY_LIMIT} characters, got {len(key)}", wrong)
    return accepted(services().jobs.submit(body.task, body.args, owner=who, queue=body.queue, key=key))


@blueprint.post("/api/jobs/bulk")
@openapi.describe(body=BulkSubmission, status=202, answer="Ids")
def submit_jobs() -> tuple[Response, int]:
    """Queue a job of one task for each of many arguments, all or none."""
    request.max_content_length = BULK_BODY_LIMIT
    who = owner()
    limit_submits(who)
    body = parse_body(BulkSubmission)
    return jsonify(ids=services().jobs.submit_many(body.task, body.args, owner=who, queue=body.queue)), 202


@blueprint.get("/api/jobs/<id>")
@openapi.describe(answer="Detail")
def read_job(id: str) -> Response:
    """A job with its whole result; for its owner and operators also arguments, traceback and attempts."""
    jobs = services().jobs
    stored = jobs.load(id)
    job, attempts = jobs.detail(id)
    latest = job.latest_result() if job else None
    detail = asdict(stored.state)
    if stored.state.result_truncated and latest is not None:
        detail["result"] = latest.return_value
    if services().access.may_act(visitor(), stored.owner) is None:
        failed = stored.state.error is not None and latest is not None
        detail |= {
            "args": job.kwargs if job else None,
            "traceback": latest.exc_string if failed and latest else None,
            "attempts": attempts,
        }
    return jsonify(detail)


def _act(id: str, act: Callable[[str], Any]) -> Any:
    allow(services().access.may_act(visitor(), services().jobs.load(id).owner, f"job:{id}", grant()))
    return act(id)


@blueprint.post("/api/jobs/<id>/cancel")
@openapi.describe(answer="State")
def cancel_job(id: str) -> Response:
    """Take back a job that has not started."""
    return jsonify(asdict(_act(id, services().jobs.cancel).state))


@blueprint.post("/api/jobs/<id>/requeue")
@openapi.describe(answer="State")
def requeue_job(id: str) -> Response:
    """Run a job again that failed, was stopped or was canceled."""
    return jsonify(asdict(_act(id, services().jobs.requeue).state))


@blueprint.post("/api/jobs/<id>/stop")
@openapi.describe(status=202, answer="State")
def stop_job(id: str) -> Response:
    """Ask the worker to end a started job; `stopped` follows live within 2 s."""
    return accepted(_act(id, services().jobs.stop))


@blueprint.delete("/api/jobs/<id>")
@openapi.describe(answer="Ok")
def delete_job(id: str) -> Response:
    """Forget a job that is not running."""
    _act(id, services().jobs.delete)
    return jsonify(ok=True)


@blueprint.get("/api/tasks")
@openapi.describe(answer="Tasks")
def list_tasks() -> Response:
    """The tasks that may be submitted; `arguments` is a JSON Schema."""
    return jsonify(tasks=[task.describe() for task in services().jobs.tasks])
