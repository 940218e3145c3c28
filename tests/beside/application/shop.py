"""A print shop on stock RQ 2.12 or 3.0, which knows nothing of Headway. What becomes of its jobs stands in a ledger.

`python -c "import shop; shop.main()" order` queues one job of each kind, and returns once all have ended. `press`,
`render` and `later` queue some and return at once; `look` reads what a page of its own would show.
"""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from redis import Redis
from rq import Callback, Queue, Repeat, Retry, Worker, get_current_job
from rq.command import send_stop_job_command
from rq.group import Group
from rq.job import Job

LEDGER = "shop:ledger"
GO = "shop:go"  # while there is no such key, the press runs
PATIENCE = 45.0  # seconds for all of `order`
DONE = ("finished", "failed", "stopped")


class Brisk(Worker):
    """RQ's own, but that jobs of a dead one are abandoned after 3 s in place of 90."""

    def get_heartbeat_ttl(self, *_: Any, **__: Any) -> int:
        return 3


@dataclass(frozen=True)
class Order:
    customer: str
    pages: int
    due: datetime


ORDER = Order("Büro", 3, datetime(2026, 1, 1, tzinfo=UTC))


def current() -> Job:
    job = get_current_job()
    assert job is not None
    return job


def render(order: Order) -> Order:
    job = current()
    job.meta["pages"] = {order.pages, 0}
    job.save_meta()
    job.connection.rpush(LEDGER, f"{job.id} rendered for {order.customer}")
    return order


def spoil(order: Order) -> None:
    raise RuntimeError("out of paper")


def jam(since: datetime) -> str:
    """Fails the first time."""
    job = current()
    if "jammed" not in job.meta:
        job.meta["jammed"] = since
        job.save_meta()
        raise RuntimeError("the printer is jammed")
    job.connection.rpush(LEDGER, f"{job.id} printed after a jam")
    return f"printed, ordered {since:%Y}"


def press() -> None:
    job = current()
    while not job.connection.exists(GO):
        time.sleep(0.05)  # until the test lets it go on, or RQ's timeout
    job.connection.rpush(LEDGER, f"{job.id} pressed")


def bind(first: str, second: str) -> str:
    job = current()
    job.connection.rpush(LEDGER, f"{job.id} bound")
    return f"{first}+{second}"


async def post(to: str) -> str:
    await asyncio.sleep(0.01)
    return f"posted to {to}"


def paid(job: Job, connection: Redis, result: Any, *_: Any) -> None:
    connection.rpush(LEDGER, f"{job.id} paid")


def spoiled(job: Job, connection: Redis, *_: Any) -> None:
    connection.rpush(LEDGER, f"{job.id} spoiled")


def stopped(job: Job, connection: Redis) -> None:
    connection.rpush(LEDGER, f"{job.id} stopped")


def order(redis: Redis) -> list[str]:
    """Queue one job of each kind; returns their ids."""
    default, books, high = (Queue(name, connection=redis) for name in ("default", "bookInfoParser", "high"))
    calls: dict[str, Any] = {"on_success": Callback(paid), "on_failure": Callback(spoiled)}
    default.enqueue(press, job_id="stop", on_stopped=Callback(stopped), **calls)
    default.enqueue(render, ORDER, job_id="render", meta={"who": {1, 2}}, description="Renders", **calls)
    high.enqueue(render, order=ORDER, job_id="urgent", at_front=True, **calls)
    default.enqueue(spoil, ORDER, job_id="spoil", **calls)
    books.enqueue(jam, ORDER.due, job_id="jam", retry=Retry(max=2), meta={"who": {1, 2}}, **calls)
    default.enqueue(jam, ORDER.due, job_id="jam-later", retry=Retry(max=1, interval=1), **calls)
    high.enqueue_in(timedelta(seconds=1), render, ORDER, job_id="later", meta={"who": {1, 2}}, **calls)
    books.enqueue_at(datetime.now(UTC) + timedelta(seconds=2), render, ORDER, job_id="at", **calls)
    default.enqueue(render, ORDER, job_id="gone", result_ttl=0, **calls)
    default.enqueue(post, to="Ada", job_id="post", **calls)
    default.enqueue(bind, "a", "b", job_id="again", repeat=Repeat(times=1, interval=1), **calls)
    parts = [default.enqueue(bind, "it", side, job_id=side, **calls) for side in ("front", "back")]
    books.enqueue(bind, "front", "back", job_id="book", depends_on=parts, **calls)
    high.enqueue(bind, "no", "paper", job_id="never", depends_on=["spoil"])
    names = [f"brochure-{number}" for number in range(3)]
    data = [Queue.prepare_data(render, (ORDER,), job_id=name, on_success=Callback(paid)) for name in names]
    Group.create(redis, "brochures").enqueue_many(default, data)
    ids = "stop render urgent spoil jam jam-later later at post again front back book".split()
    return [*ids, *names]


def follow(redis: Redis, ids: list[str]) -> None:
    """Stop the press, and wait until all have ended, the one of them twice that is repeated."""
    ends = time.monotonic() + PATIENCE
    is_told = False
    while time.monotonic() < ends:
        states = dict(zip(ids, (Job.fetch(id, redis).get_status() for id in ids), strict=True))
        lines = [line.decode() for line in cast(list[bytes], redis.lrange(LEDGER, 0, -1))]
        if states["stop"] == "started" and not is_told:
            send_stop_job_command(redis, "stop")
            is_told = True
        if all(state in DONE for state in states.values()) and lines.count("again paid") == 2 and "gone paid" in lines:
            return
        time.sleep(0.05)  # between two looks, with a deadline
    sys.exit(f"not all have ended: {states}, {lines}")


def look(redis: Redis) -> None:
    """All queues with their jobs, registries and workers, as a dashboard reads them."""
    for queue in Queue.all(connection=redis):
        jobs = list(queue.jobs)
        for registry in (queue.finished_job_registry, queue.failed_job_registry, queue.scheduled_job_registry):
            jobs += [job for job in Job.fetch_many(registry.get_job_ids(), redis) if job]
        for job in jobs:
            print(queue.name, job.id, job.get_status(), job.origin, job.meta, job.description)
    for worker in Worker.all(connection=redis):
        print(worker.name, worker.get_state(), worker.queue_names())


def main() -> None:
    calls: dict[str, Any] = {"on_success": Callback(paid), "on_failure": Callback(spoiled), "meta": {"who": {1, 2}}}
    with Redis.from_url(os.environ["RQ_REDIS_URL"]) as redis:
        default = Queue("default", connection=redis)
        match sys.argv[1]:
            case "order":
                follow(redis, order(redis))
            case "press":
                default.enqueue(press, job_id="once", **calls)
                default.enqueue(press, job_id="twice", retry=Retry(max=1), **calls)
            case "render":
                default.enqueue(render, ORDER, job_id="render", **calls)
            case "later":
                default.enqueue_in(timedelta(seconds=1), render, ORDER, job_id="later", **calls)
            case "look":
                look(redis)
