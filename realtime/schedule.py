"""What is yet to come, over HTTP. Each view's docstring is its text in /api/openapi.json."""

from typing import Annotated

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field

from realtime import openapi
from realtime.audit import audited, concerns
from realtime.request import allow, parse_body, services, visitor
from realtime.schemas import NUMBER
from workers import schedule

blueprint = Blueprint("schedule", __name__)


class CronRequest(BaseModel):
    """The body of a request to queue what a cron scheduler would queue at its time."""

    model_config = ConfigDict(extra="forbid")
    scheduler: str
    number: Annotated[int, Field(ge=0), NUMBER]  # of the entry
    name: str  # the entry's, as it was seen: the scheduler may have other entries by now


@blueprint.get("/api/schedule")
@openapi.describe(answer="Schedule", caller="overseer")
def read_schedule() -> Response:
    """The jobs that come next, those that wait for others, and what cron schedulers will queue."""
    allow(services().access.may_oversee(visitor()))
    return jsonify(schedule.read(services().redis, services().jobs.queues, services().jobs.naming))


@blueprint.post("/api/cron/enqueue")
@openapi.describe(body=CronRequest, status=202, answer="State", caller="operator", errors=(404, 409))
@audited("cron")
def enqueue_cron() -> tuple[Response, int]:
    """Queue the job of a cron scheduler's entry once, now; when it is due next stays as it is."""
    allow(services().access.may_operate(visitor()))
    body = parse_body(CronRequest)
    concerns(name=body.name[:80])
    jobs = services().jobs
    jobs.check_room()
    id = schedule.enqueue_now(jobs, body.scheduler, body.number, body.name)
    concerns(id=id)
    return jsonify(jobs.load(id).state.as_dict()), 202
