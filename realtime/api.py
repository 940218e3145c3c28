"""The JSON API of jobs. Each view's docstring is its text in /api/openapi.json."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify, request, url_for
from pydantic import BaseModel, ConfigDict, Field

from realtime import log_text, openapi
from realtime.notify import Notify, accept
from realtime.request import allow, grant, limit_submits, owner, parse_body, parse_query, services, visitor
from workers import log_lines, store
from workers.errors import BadArguments
from workers.store import Stored
from workers.wire import JobState, Status

BULK_BODY_LIMIT = 8 * 1024 * 1024  # bytes
KEY_LIMIT = 255  # characters of an Idempotency-Key

blueprint = Blueprint("api", __name__)


class Submission(BaseModel):
    """The body of a submit."""

    model_config = ConfigDict(extra="forbid")
    task: str
    args: dict[str, Any] = {}
    queue: str | None = None
    notify: Notify | None = None


class BulkSubmission(BaseModel):
    """The body of a bulk submit."""

    model_config = ConfigDict(extra="forbid")
    task: str
    args: list[Any]  # each checked by its task; a model here would name fields by another path
    queue: str | None = None


class Query(BaseModel):
    """The query of the list of jobs."""

    model_config = ConfigDict(extra="forbid")
    status: Status | None = None
    queue: str | None = None
    task: str | None = None
    q: str | None = None
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,16}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class LogQuery(BaseModel):
    """The query of a job's log."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["json", "text"] = "json"


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
    notify = accept(body.notify)
    return accepted(services().jobs.submit(body.task, body.args, owner=who, queue=body.queue, key=key, notify=notify))


@blueprint.post("/api/jobs/bulk")
@openapi.describe(body=BulkSubmission, status=202, answer="Ids")
def submit_jobs() -> tuple[Response, int]:
    """Queue a job of one task for each of many arguments, all or none."""
    request.max_content_length = BULK_BODY_LIMIT
    who = owner()
    limit_submits(who)
    body = parse_body(BulkSubmission)
    return jsonify(ids=services().jobs.submit_many(body.task, body.args, owner=who, queue=body.queue)), 202


@blueprint.get("/api/jobs")
@openapi.describe(query=Query, answer="Jobs")
def list_jobs() -> Response:
    """One's own jobs, newest first; an operator sees all."""
    query = parse_query(Query)
    who = visitor()
    if who.operator:
        scope = f"queue:{query.queue}" if query.queue else "all"
    elif who.owner:
        scope = f"owner:{who.owner}"
    else:
        return jsonify(jobs=[], cursor=None)
    found, cursor = _search(scope, query)
    return jsonify(jobs=[asdict(state) for state in found], cursor=cursor)


def _search(scope: str, query: Query) -> tuple[list[JobState], str | None]:
    """A page of the jobs that match. A filter without an index of its own may give a short page with a cursor."""
    redis = services().redis
    statuses = [query.status] if query.status else list(Status)
    before = int(query.cursor) if query.cursor else None
    found: list[JobState] = []
    filtered = query.task or query.q or query.queue
    limit = store.SCAN_STEP if filtered else query.limit
    looked = 0
    while looked < store.SCAN_LIMIT:
        entries = store.page(redis, scope, statuses, before=before, limit=limit)
        rows = store.present(redis, scope, [id for _, id in entries])
        for row in rows:
            if _matches(row.state, query):
                found.append(row.state)
                if len(found) == query.limit:
                    return found, str(row.order)
        if len(entries) < limit:
            return found, None
        before = entries[-1][0]
        looked += len(entries)
    return found, str(before)


def _matches(state: JobState, query: Query) -> bool:
    if (query.queue and state.queue != query.queue) or (query.task and state.task != query.task):
        return False
    if not query.q:
        return True
    message = state.error["message"] if state.error else ""
    return query.q.lower() in "\n".join((state.id, state.task, state.description, message)).lower()


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


@blueprint.get("/api/jobs/<id>/log")
@openapi.describe(query=LogQuery, answer="Log")
def read_log(id: str) -> Response:
    """The newest 1,000 lines of a job's log, for its owner and operators; with `format=text` a file."""
    query = parse_query(LogQuery)
    state = services().jobs.load(id)
    allow(services().access.may_act(visitor(), state.owner))
    lines = log_lines.read(services().redis, id)
    if query.format == "json":
        return Response(log_lines.encode_log(lines), mimetype="application/json")
    response = Response(log_text.render(lines), mimetype="text/plain")
    response.headers.set("Content-Disposition", "attachment", filename=log_text.filename(state.state))
    return response


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
