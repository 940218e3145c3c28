"""Very small tasks: two stock `rq worker` against two workers of Headway's, on the same Redis and all cores."""

import time
from contextlib import ExitStack

from rq import Queue, Worker

from bench.lab import Lab, until
from bench.stock_task import sum_digits
from workers import jobs
from workers.queue import Jobs
from workers.tasks import Tasks
from workers.wire import Status, index_key

WORKERS = 2
STOCK_JOBS, HEADWAY_JOBS = 300, 3000
TEXT = "12345"
ENDED_WITHIN = 60.0  # seconds


def submitter(lab: Lab) -> Jobs:
    return Jobs(lab.redis, Tasks.collect(jobs), lab.settings.queue_names)


def stock(lab: Lab) -> float:
    """Jobs a second."""
    with _workers(lab, ["rq.cli", "worker", "--quiet", "--url", lab.url, "stock"]):
        queue = Queue("stock", connection=lab.redis)
        work = [Queue.prepare_data(sum_digits, args=(TEXT,)) for _ in range(STOCK_JOBS)]
        queue.enqueue_many(work)
        began = time.monotonic()  # they are released all at once, at the end
        until(lambda: queue.finished_job_registry.get_job_count(cleanup=False) >= STOCK_JOBS, ENDED_WITHIN)
        return STOCK_JOBS / (time.monotonic() - began)


def headway(lab: Lab) -> float:
    """Jobs a second."""
    with _workers(lab, ["workers.main", "worker"]):
        submitter(lab).submit_many("sum_numbers", [{"text": TEXT}] * HEADWAY_JOBS, owner="bench")
        began = time.monotonic()  # here too
        finished = index_key("queue:default", Status.FINISHED)
        until(lambda: int(lab.redis.zcard(finished)) >= HEADWAY_JOBS, ENDED_WITHIN)
        return HEADWAY_JOBS / (time.monotonic() - began)


def _workers(lab: Lab, command: list[str]) -> ExitStack:
    lab.redis.flushall()
    with ExitStack() as stack:
        for _ in range(WORKERS):
            stack.enter_context(lab.running(command, {}, lab.cores.every))
        until(lambda: Worker.count(connection=lab.redis) >= WORKERS)
        return stack.pop_all()
