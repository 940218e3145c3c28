"""The JSON API of queues, workers and ends, for operators. Each view's docstring is its text in /api/openapi.json."""

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict
from rq.suspension import is_suspended, resume, suspend

from realtime import openapi, schemas
from realtime.audit import NAME_LIMIT, audited, concerns
from realtime.request import allow, parse_body, parse_query, services, visitor
from realtime.schemas import FLAG, NUMBER, also
from realtime.tokens import LONGEST, MOST, TOPIC
from workers import commands, overview, parts, scheduler_heartbeat
from workers.audit import IDS_LIMIT
from workers.errors import BadArguments, NotFound

blueprint = Blueprint("operators", __name__)


def _either(schema: dict[str, Any]) -> None:
    fields = schema["properties"]
    topics, notify, more = fields.pop("topics"), fields.pop("notify"), dict(fields)
    some, yes = {**topics, "minItems": 1}, {"type": "boolean", "const": True}
    schemas.either(
        schema,
        ("TokenForTopics", {"topics": some}, {**more, "notify": notify}),
        ("TokenToNotify", {"notify": yes}, {**more, "topics": topics}),
    )


class TokenRequest(BaseModel):
    """The body of a request for a token: with topics, with notify, or with both."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_either)
    # realtime/tokens.py says what is wrong with them, here and to programs that make tokens themselves
    topics: Annotated[list[Annotated[str, also(pattern=TOPIC)]], also(maxItems=MOST)] = []
    expires: Annotated[float, also(exclusiveMinimum=0, maximum=LONGEST), NUMBER] = 3600.0  # seconds
    act: Annotated[bool, FLAG] = False
    notify: Annotated[bool, FLAG] = False


class WorkerRequest(BaseModel):
    """The body of a request that concerns one worker."""

    model_config = ConfigDict(extra="forbid")
    name: str


class HistoryQuery(BaseModel):
    """The query of what has ended."""

    model_config = ConfigDict(extra="forbid")
    span: Literal["15m", "24h"] = "15m"


@blueprint.post("/api/tokens")
@openapi.describe(body=TokenRequest, answer="Token", caller="operator")
@audited("token")
def make_token() -> Response:
    """Make a token with which to watch, or act on, just these jobs, or to submit with notify, for so many seconds."""
    allow(services().access.may_sign(visitor()))
    body = parse_body(TokenRequest)
    concerns(topics=[topic[:80] for topic in body.topics[:IDS_LIMIT]], act=body.act)
    tokens = services().access.tokens
    try:
        token = tokens.sign(body.topics, body.expires, act=body.act, notify=body.notify)
    except ValueError as error:
        name, _, said = str(error).partition(": ")
        expected, _, got = said.removeprefix("expected ").partition(", got ")
        raise BadArguments(str(error), {name: {"expected": expected, "got": got}}) from error
    grant = tokens.read(token)
    assert grant is not None
    return jsonify(token=token, expires_at=round(grant.expires_at * 1000))


@blueprint.get("/api/queues")
@openapi.describe(answer="QueueList", caller="overseer")
def list_queues() -> Response:
    """The queues with their counts, and whether a scheduler is up: without one retries and scheduled jobs wait."""
    allow(services().access.may_oversee(visitor()))
    redis, jobs = services().redis, services().jobs
    queues = overview.queues(overview.counts(redis, jobs.queues), overview.workers(redis))
    up = scheduler_heartbeat.read(redis, _in_rq()) is not None
    return jsonify(queues=queues, scheduler=up)


def _in_rq() -> list[str]:
    """What the queues are called in RQ."""
    jobs = services().jobs
    return [jobs.naming.in_rq(name) for name in jobs.queues]


@blueprint.post("/api/queues/<name>/empty")
@openapi.describe(answer="Count", caller="operator", errors=(404,))
@audited("empty")
def empty_queue(name: str) -> Response:
    """Delete every job that waits on a queue."""
    allow(services().access.may_operate(visitor()))
    return jsonify(count=services().jobs.empty(name))


@blueprint.post("/api/queues/<name>/requeue-failed")
@openapi.describe(answer="Count", caller="operator", errors=(404,))
@audited("requeue-failed")
def requeue_failed(name: str) -> Response:
    """Requeue every failed job of a queue."""
    allow(services().access.may_operate(visitor()))
    return jsonify(count=services().jobs.requeue_failed(name))


@blueprint.get("/api/workers")
@openapi.describe(answer="WorkerList", caller="overseer")
def list_workers() -> Response:
    """The workers that are up, and whether they are suspended: then they take no new jobs. `releases` says which parts
    are of which release of Headway; it is empty where all are of one."""
    allow(services().access.may_oversee(visitor()))
    redis, workers = services().redis, overview.workers(services().redis)
    releases = parts.differing(redis, workers, _in_rq())
    return jsonify(workers=workers, suspended=bool(is_suspended(redis)), releases=releases)


@blueprint.post("/api/workers/suspend")
@openapi.describe(answer="Ok", caller="operator")
@audited("suspend")
def suspend_workers() -> Response:
    """Have all workers take no new jobs, those of Headway's own queues too; what runs goes on."""
    allow(services().access.may_operate(visitor()))
    suspend(services().redis)
    return jsonify(ok=True)


@blueprint.post("/api/workers/resume")
@openapi.describe(answer="Ok", caller="operator")
@audited("resume")
def resume_workers() -> Response:
    """Have the workers take jobs again."""
    allow(services().access.may_operate(visitor()))
    resume(services().redis)
    return jsonify(ok=True)


@blueprint.post("/api/workers/shutdown")
@openapi.describe(body=WorkerRequest, status=202, answer="Ok", caller="operator", errors=(404,))
@audited("shutdown")
def shut_down() -> tuple[Response, int]:
    """Ask a worker to end when its job has, whatever it is called; under `run.py` another one takes its place."""
    allow(services().access.may_operate(visitor()))
    name = parse_body(WorkerRequest).name
    concerns(name=name[:NAME_LIMIT])
    return _shut_down(name)


@blueprint.post("/api/workers/<name>/shutdown")
@openapi.describe(status=202, answer="Ok", caller="operator", errors=(404,))
@audited("shutdown")
def shut_down_worker(name: str) -> tuple[Response, int]:
    """The same of a worker whose name fits into a path: it has no slash, and is not ".."."""
    allow(services().access.may_operate(visitor()))
    return _shut_down(name)


def _shut_down(name: str) -> tuple[Response, int]:
    redis = services().redis
    if name not in [worker["name"] for worker in overview.workers(redis)]:
        raise NotFound(f"no worker is named {name[:80]!r}")
    with redis.pipeline() as pipeline:
        commands.shut_down(pipeline, name)
        pipeline.execute()
    return jsonify(ok=True), 202


@blueprint.get("/api/history")
@openapi.describe(query=HistoryQuery, answer="History", caller="overseer")
def read_history() -> Response:
    """How much ended in the last 15 minutes or 24 hours, and how long it waited and ran, by queue and by task."""
    allow(services().access.may_oversee(visitor()))
    return jsonify(services().history.read(parse_query(HistoryQuery).span))
