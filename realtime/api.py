"""The JSON API of jobs. Each view's docstring is its text in /api/openapi.json."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from flask import Blueprint, Response, jsonify, request, url_for
from pydantic import BaseModel, ConfigDict
from werkzeug.routing import BaseConverter

from realtime import log_text, openapi
from realtime.audit import audited, concerns
from realtime.intake import AgainRequest, BulkSubmission, Order, Submission
from realtime.notify import accept
from realtime.request import allow, grant, is_known, parse_query, payer, services, submitter, take_in, visitor
from workers import detail, log_lines, relatives, waiting
from workers.errors import BadArguments, NotFound
from workers.store import Stored

BULK_BODY_LIMIT = 8 * 1024 * 1024  # bytes
KEY_LIMIT = 255  # characters of an Idempotency-Key

blueprint = Blueprint("api", __name__)


class JobConverter(BaseConverter):
    """The id of a job in a path; `bulk` is another path, with methods of its own."""

    regex = r"(?!bulk\Z)[^/]+"


class LogQuery(BaseModel):
    """The query of a job's log."""

    model_config = ConfigDict(extra="forbid")
    format: Literal["json", "text"] = "json"


def accepted(stored: Stored) -> Response:
    response = jsonify(stored.state.as_dict())
    response.status_code = 202
    response.headers["Location"] = url_for("api.read_job", id=stored.state.id)
    return response


@blueprint.post("/api/jobs")
@openapi.describe(body=Submission, status=202, answer="State", errors=(409,), location=True, idempotency_key=True)
def submit_job() -> Response:
    """Queue a job."""
    key = _idempotency_key()
    who, payer = submitter()
    given = take_in(Order("one"))
    notify, submit = accept(given.notify), services().jobs.submit
    [args] = given.arguments
    return accepted(submit(given.task, args, owner=who, queue=given.queue, key=key, notify=notify, payer=payer))


def _idempotency_key() -> str | None:
    """Raises `BadArguments` where it could not be known again: a client without a session is a new owner each time."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LIMIT:
        wrong = {"Idempotency-Key": {"expected": f"1 to {KEY_LIMIT} characters", "got": f"{len(key)}"}}
        raise BadArguments(f"Idempotency-Key: expected 1 to {KEY_LIMIT} characters, got {len(key)}", wrong)
    if not visitor().owner:
        wrong = {"Idempotency-Key": {"expected": "a session or a token beside it", "got": "neither"}}
        how = "keep the cookie of a first request, or send Authorization: Bearer with a token"
        raise BadArguments(f"An Idempotency-Key needs a sender that we can recognise: {how}", wrong)
    return key


@blueprint.post("/api/jobs/bulk")
@openapi.describe(body=BulkSubmission, status=202, answer="IdList")
def submit_jobs() -> tuple[Response, int]:
    """Queue a job of one task for each of many arguments, all or none."""
    known = is_known()
    who, payer = submitter()
    given = take_in(Order("many"), BULK_BODY_LIMIT if known else None)
    submit_many = services().jobs.submit_many
    return jsonify(ids=submit_many(given.task, given.arguments, owner=who, queue=given.queue, payer=payer)), 202


@blueprint.get("/api/jobs/<job:id>")
@openapi.describe(answer="Detail")
def read_job(id: str) -> Response:
    """A job with its whole result; for its owner and operators also arguments, traceback and attempts.

    `unreadable` is a sentence, where something of it can't be read.
    """
    stored = services().jobs.load(id)
    kept = detail.read(services().redis, stored.state, services().jobs.tasks)
    shown = stored.state.as_dict()
    if stored.state.result_truncated and kept.result is not None:
        shown["result"] = kept.result
    if services().access.may_see(visitor(), stored.owner):
        traceback = kept.traceback if stored.state.error is not None else None
        shown |= {"args": kept.args, "traceback": traceback, "attempts": kept.attempts}
    if kept.sentence is not None:
        shown["unreadable"] = kept.sentence
    return jsonify(shown)


@blueprint.get("/api/jobs/<id>/relatives")
@openapi.describe(answer="Relatives", caller="reader")
def read_relatives(id: str) -> Response:
    """The jobs that a job waits for, and those that wait for it, for its owner and operators."""
    who = visitor()
    allow(services().access.may_read(who, services().jobs.load(id).owner))
    return jsonify(relatives.read(services().redis, id, None if who.sees else who.owner))


@blueprint.get("/api/jobs/<id>/log")
@openapi.describe(query=LogQuery, answer="Log", caller="reader", text=True)
def read_log(id: str) -> Response:
    """The newest 1,000 lines of a job's log, for its owner and operators; with `format=text` a file."""
    query = parse_query(LogQuery)
    state = services().jobs.load(id)
    allow(services().access.may_read(visitor(), state.owner))
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
@openapi.describe(answer="State", caller="owner", errors=(409,))
@audited("cancel")
def cancel_job(id: str) -> Response:
    """Take back a job that has not started."""
    return jsonify(_act(id, services().jobs.cancel).state.as_dict())


@blueprint.post("/api/jobs/<id>/requeue")
@openapi.describe(answer="State", caller="owner", errors=(409,))
@audited("requeue")
def requeue_job(id: str) -> Response:
    """Run a job again that failed, was stopped or was canceled."""

    def requeue(id: str) -> Stored:
        waiting.check(services().redis, payer(), 1, 0)
        return services().jobs.requeue(id)

    return jsonify(_act(id, requeue).state.as_dict())


@blueprint.post("/api/jobs/<id>/stop")
@openapi.describe(status=202, answer="State", caller="owner", errors=(409,), location=True)
@audited("stop")
def stop_job(id: str) -> Response:
    """Ask the worker to end a started job; `stopped` follows live within 2 s."""
    return accepted(_act(id, services().jobs.stop))


@blueprint.delete("/api/jobs/<job:id>")
@openapi.describe(answer="Ok", caller="owner", errors=(409,))
@audited("delete")
def delete_job(id: str) -> Response:
    """Forget a job that is not running."""
    _act(id, services().jobs.delete)
    return jsonify(ok=True)


@blueprint.post("/api/jobs/<id>/enqueue")
@openapi.describe(answer="State", caller="owner", errors=(409,))
@audited("enqueue")
def enqueue_job(id: str) -> Response:
    """Run a job now that is scheduled or deferred."""
    return jsonify(_act(id, services().jobs.enqueue).state.as_dict())


@blueprint.post("/api/jobs/<id>/again")
@openapi.describe(body=AgainRequest, body_required=False, status=202, answer="State", caller="owner", location=True)
@audited("again")
def submit_again(id: str) -> Response:
    """Queue another job of the same task, with the same arguments or with these."""
    jobs = services().jobs
    stored = jobs.load(id)
    allow(services().access.may_act(visitor(), stored.owner))
    is_chunked = "Transfer-Encoding" in request.headers
    args: Any = None
    if request.content_length or is_chunked:
        args = next(iter(take_in(Order("again", stored.state.task)).arguments), None)
    if args is None:
        args = detail.read(services().redis, stored.state, jobs.tasks).args
        if args is None:
            raise NotFound(f"The arguments of the job {id!r} are gone, or can't be read")
    who, payer = submitter()
    again = jobs.submit(stored.state.task, args, owner=who, queue=stored.state.queue, payer=payer)
    concerns(again=again.state.id)
    return accepted(again)


@blueprint.get("/api/tasks")
@openapi.describe(answer="TaskList", caller="world")
def list_tasks() -> Response:
    """The tasks that may be submitted; `arguments` is a JSON Schema. To operators also what was left out, and why."""
    tasks = services().jobs.tasks
    # while there are none, nobody asks Redis who this is
    broken = {"broken": [asdict(one) for one in tasks.broken]} if tasks.broken and visitor().sees else {}
    return jsonify(tasks=[task.describe() for task in tasks], **broken)
