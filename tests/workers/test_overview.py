"""Queues and workers at a glance."""

import time
from importlib import metadata
from typing import Any

from redis import Redis

from tests.conftest import Processes, ended, until
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


def test_a_worker_says_what_it_has_done(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    process = processes.worker()
    fine = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    bad = jobs.submit("count_words", {"url": "http://127.0.0.1:1/"}, owner="me").state.id
    ended(jobs, fine)
    ended(jobs, bad)

    def career() -> dict[str, Any]:
        [worker] = overview.workers_in_full(redis)
        return worker

    until(lambda: (career()["done"], career()["failed"]) == (1, 1), "both are counted")
    assert career()["pid"] == process.pid and career()["version"] == metadata.version("rq")
    assert abs(career()["born_at"] / 1000 - time.time()) < 60
