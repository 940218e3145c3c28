"""A verb done to many jobs, over HTTP. Each view's docstring is its text in /api/openapi.json."""

import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from realtime import openapi, schemas
from realtime.access import Refusal
from realtime.audit import audited, concerns
from realtime.errors import Refused
from realtime.request import allow, parse_body, services, submitter, visitor
from realtime.search import scope_of
from workers import actions, query, search, waiting
from workers.errors import BadArguments, Conflict, TooMany
from workers.limits import ID_SIZE
from workers.query import LENGTH_LIMIT
from workers.verbs import ALLOWED, Verb
from workers.wire import is_job_id

IDS_LIMIT = 1000  # named one by one
TOLERANCE = 10  # jobs, and per cent, by which what is found may differ from what was seen

blueprint = Blueprint("actions", __name__)


def _as_job_id(text: str) -> str:
    if not is_job_id(text):
        raise ValueError("the id of a job: 1 to 128 letters, digits, - and _")
    return text


JobId = Annotated[str, AfterValidator(_as_job_id), WithJsonSchema(schemas.JOB_ID)]
Ids = Annotated[list[JobId], Field(min_length=1, max_length=IDS_LIMIT)]
Q = Annotated[str, Field(max_length=LENGTH_LIMIT)]


def _either(schema: dict[str, Any]) -> None:
    fields = {name: schemas.not_null(field) for name, field in schema["properties"].items()}
    verb, expect = {"verb": fields["verb"]}, {"expect": fields["expect"]}
    on_ids, on_query = ({**verb, name: fields[name]} for name in ("ids", "q"))
    schemas.either(schema, ("ActionOnIds", on_ids, expect), ("ActionOnQuery", on_query, expect))


class ActionRequest(BaseModel):
    """The body of an action: the jobs by their `ids`, or all that fit `q`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_either)
    verb: Verb
    ids: Ids | None = None
    q: Q | None = None
    expect: Annotated[int, Field(ge=0), schemas.NUMBER] | None = None  # how many jobs the person has seen


@blueprint.post("/api/actions")
@openapi.describe(body=ActionRequest, status=202, answer="Action", errors=(409,))
@audited("action")
def begin_action() -> tuple[Response, int]:
    """Act on many jobs: a job of one's own does it, and shows how far it is; a delete can be undone for 8 s."""
    who, payer = submitter()
    body = parse_body(ActionRequest)
    concerns(body.verb, **({"q": body.q} if body.ids is None else {"ids": body.ids}))
    redis = services().redis
    id, total = actions.collect(redis, _chosen(body))
    concerns(action=id, count=total)
    try:
        _check_total(body.expect, total)
        waiting.check(redis, payer, 1, total * ID_SIZE, action=True)
        if body.verb is Verb.REQUEUE:
            waiting.check(redis, payer, total, 0)
    except (Conflict, TooMany):
        actions.drop(redis, id)
        raise
    actions.begin(services().jobs, id, body.verb, total, owner=who, everybody=visitor().operator, payer=payer)
    return jsonify(id=id, total=total), 202


@blueprint.post("/api/actions/<id>/undo")
@openapi.describe(answer="State", caller="owner", errors=(409,))
@audited("undo")
def undo_action(id: str) -> Response:
    """Take back an action that has not begun."""
    jobs = services().jobs
    allow(services().access.may_act(visitor(), jobs.load(id).owner))
    return jsonify(actions.undo(jobs, id).state.as_dict())


def _chosen(body: ActionRequest) -> Iterable[Sequence[str]]:
    """The ids of the jobs that are meant, as they are found. Raises `BadArguments`, `Refused`."""
    if (body.ids is None) == (body.q is None):
        expected, got = "either ids or q", "neither" if body.ids is None else "both"
        raise BadArguments(f"expected {expected}, got {got}", {"ids": {"expected": expected, "got": got}})
    redis, who = services().redis, visitor()
    if body.ids is not None:
        named = [id for id in dict.fromkeys(body.ids) if is_job_id(id)]
        owners = dict(zip(named, actions.owners(redis, named), strict=True))
        if not who.operator and set(owners.values()) - {who.owner, None}:
            raise Refused(Refusal("forbidden", "Only their owner or an operator may act on these jobs"))
        ids = [id for id, owner in owners.items() if owner is not None]
        return [ids] if ids else []  # of jobs that don't exist, no action is made
    wanted = query.parse(body.q or "", time.time_ns() // 1_000_000)
    scope = scope_of(who.acting, wanted)
    return search.ids(redis, scope, wanted.within(ALLOWED[body.verb])) if scope is not None else []


def _check_total(expected: int | None, total: int) -> None:
    """Raises `Conflict` where there is nothing to do, or not what was seen."""
    if not total:
        raise Conflict("No matching job allows this action")
    if expected is not None and abs(total - expected) > max(TOLERANCE, expected * TOLERANCE / 100):
        raise Conflict(f"expected {expected} jobs, found {total}: look again at what would be acted on")
