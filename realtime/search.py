"""Finding and counting jobs over HTTP. Each view's docstring is its text in /api/openapi.json."""

import time
from typing import Annotated

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field

from realtime import openapi
from realtime.access import Visitor
from realtime.request import parse_query, services, visitor
from workers import query, search
from workers.errors import BadArguments
from workers.query import LENGTH_LIMIT, Query
from workers.verbs import ALLOWED, Verb
from workers.wire import Status, encode

blueprint = Blueprint("search", __name__)


class Filters(BaseModel):
    """What jobs are asked for."""

    model_config = ConfigDict(extra="forbid")
    q: Annotated[str, Field(json_schema_extra={"maxLength": LENGTH_LIMIT})] = ""
    status: Status | None = None
    queue: str | None = None
    task: str | None = None


class PageQuery(Filters):
    """The query of the list of jobs."""

    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,16}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    mine: bool = False  # only one's own, an operator's too


class CountQuery(Filters):
    """The query of a count."""

    verb: Verb | None = None  # only jobs that it may be done to


@blueprint.get("/api/jobs")
@openapi.describe(query=PageQuery, answer="JobPage")
def list_jobs() -> Response:
    """One's own jobs that fit, newest first; an operator sees all. `q` is the language of the search box."""
    asked = parse_query(PageQuery)
    who, wanted = visitor(), as_query(asked)
    bodies: list[str] = []
    cursor = None
    if (scope := scope_of(Visitor(who.owner, False) if asked.mine else who, wanted)) is not None:
        before = int(asked.cursor) if asked.cursor else None
        rows, before = search.page(services().redis, scope, wanted, before=before, limit=asked.limit)
        bodies = [row.body for row in rows]  # as they are stored: encoding 200 of them again would hold the hub
        cursor = None if before is None else str(before)
    return Response(f'{{"jobs":[{",".join(bodies)}],"cursor":{encode(cursor)}}}\n', content_type="application/json")


@blueprint.get("/api/counts")
@openapi.describe(query=CountQuery, answer="Counts")
def count_jobs() -> Response:
    """How many jobs fit, by status; `more` where there was no time to look at all of them."""
    asked = parse_query(CountQuery)
    who, wanted = visitor(), as_query(asked)
    if asked.verb is not None:
        who, wanted = who.acting, wanted.within(ALLOWED[asked.verb])
    if (scope := scope_of(who, wanted)) is None:
        return jsonify(total=0, by_status={}, more=False)
    counted = search.count(services().redis, scope, wanted)
    return jsonify(total=sum(counted.by_status.values()), by_status=counted.by_status, more=counted.more)


def as_query(asked: Filters) -> Query:
    """Raises `BadArguments` where `q` says nothing that can be understood."""
    wanted = query.parse(asked.q, time.time_ns() // 1_000_000)
    if asked.status is not None:
        wanted = wanted.within([asked.status])
    return wanted.having("queue", asked.queue or None).having("task", asked.task or None)


def scope_of(who: Visitor, wanted: Query) -> str | None:
    """The indexes to look into for whoever asks; None for a program without a session, which has no jobs.

    Raises `BadArguments` where somebody else's jobs are asked for.
    """
    if who.sees:
        queue = wanted.only("queue")
        return "all" if queue is None else f"queue:{queue}"
    if wanted.asks_for("owner"):
        expected, got = "no owner: of who sees their own jobs alone", "owner:"
        raise BadArguments(f"q: expected {expected}", {"q": {"expected": expected, "got": got}}, "forbidden")
    return f"owner:{who.owner}" if who.owner else None
