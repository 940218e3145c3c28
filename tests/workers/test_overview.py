"""Queues and workers at a glance."""

from redis import Redis

from tests.conftest import Processes, until
from workers import overview
from workers.queue import Jobs
from workers.wire import Status


def test_queues_are_counted_by_status(jobs: Jobs, redis: Redis) -> None:
    jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    canceled = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    jobs.cancel(canceled)
    default, books = overview.queues(redis, ["default", "bookInfoParser"], [])
    assert (default["name"], default["queued"], default["canceled"], default["workers"]) == ("default", 3, 1, 0)
    assert abs(default["oldest_at"] - jobs.load(canceled).state.created_at) < 5000
    assert (books["queued"], books["oldest_at"]) == (0, None)


def test_a_worker_says_what_it_runs(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    processes.worker()
    id = jobs.submit("background_work", {}, owner="me").state.id
    until(lambda: jobs.load(id).state.status == Status.STARTED, "started")
    [worker] = overview.workers(redis)
    assert (worker["state"], worker["queue"], worker["job"]) == ("busy", "default", id)
    assert worker["name"] == jobs.load(id).state.worker and worker["heartbeat_at"] > 0
    assert overview.queues(redis, ["default"], overview.workers(redis))[0]["workers"] == 1
