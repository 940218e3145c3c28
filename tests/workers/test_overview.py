"""Queues and workers at a glance."""

import socket
import time
from importlib import metadata
from typing import Any

from redis import Redis
from rq import Worker

from tests.conftest import Processes, ended, until
from workers import overview
from workers.naming import short
from workers.queue import Jobs
from workers.wire import Status


def test_queues_are_counted_by_status(jobs: Jobs, redis: Redis) -> None:
    jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    canceled = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    jobs.cancel(canceled)
    default, books = overview.counts(redis, ["default", "bookInfoParser"])
    assert (default["name"], default["queued"], default["canceled"]) == ("default", 3, 1)
    assert abs(default["oldest_at"] - jobs.load(canceled).state.created_at) < 5000
    assert (books["queued"], books["oldest_at"]) == (0, None)


def test_a_worker_says_what_it_runs(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    processes.worker()
    id = jobs.submit("background_work", {}, owner="me").state.id
    until(lambda: jobs.load(id).state.status == Status.STARTED, "started")
    [worker] = overview.workers(redis)
    assert (worker["state"], worker["queue"], worker["job"]) == ("busy", "default", id)
    assert worker["name"] == jobs.load(id).state.worker and worker["heartbeat_at"] > 0
    assert worker["host"] == socket.gethostname()
    assert overview.queues(overview.counts(redis, ["default"]), [worker])[0]["workers"] == 1


def test_a_worker_may_listen_to_many_queues() -> None:
    rows = [{"name": name} for name in ("a", "b", "c")]
    found = overview.queues(rows, [{"queue": "a,b"}, {"queue": "b"}])
    assert [row["workers"] for row in found] == [1, 2, 0]


def test_what_is_read_of_workers_is_what_rq_reads(redis: Redis, processes: Processes) -> None:
    for _ in range(2):
        processes.worker()
    until(lambda: [worker["state"] for worker in overview.workers(redis)] == ["idle", "idle"], "both are up")
    for worker in Worker.all(redis):
        [found] = [one for one in overview.workers(redis) if one["name"] == worker.name]
        assert (found["state"], found["job"]) == (worker.get_state(), worker.get_current_job_id())
        assert (found["queue"], found["host"]) == (short(worker.queue_names()[0]), worker.hostname)
        assert (found["pid"], found["version"]) == (worker.pid, worker.version)
        assert worker.birth_date is not None
        assert found["born_at"] == round(worker.birth_date.timestamp() * 1000)
    redis.sadd(Worker.redis_workers_keys, f"{Worker.redis_worker_namespace_prefix}dead")
    assert "dead" not in [worker["name"] for worker in overview.workers(redis)]


def test_a_worker_says_what_it_has_done(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    process = processes.worker()
    fine = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    bad = jobs.submit("count_words", {"url": "http://127.0.0.1:1/"}, owner="me").state.id
    ended(jobs, fine)
    ended(jobs, bad)

    def career() -> dict[str, Any]:
        [worker] = overview.workers(redis)
        return worker

    until(lambda: (career()["done"], career()["failed"]) == (1, 1), "both are counted")
    assert career()["pid"] == process.pid and career()["version"] == metadata.version("rq")
    assert abs(career()["born_at"] / 1000 - time.time()) < 60


def test_workers_and_counts_of_rubbish_hide_none_of_the_others(redis: Redis) -> None:
    redis.sadd("rq:workers", "rq:worker:odd", "rq:worker:text", b"rq:worker:\xff")
    redis.hset(
        "rq:worker:odd", mapping={"pid": "x", "last_heartbeat": "now", "successful_job_count": b"\xff", b"\xff": "a"}
    )
    redis.hset(b"rq:worker:\xff", mapping={"queues": "default"})
    redis.set("rq:worker:text", "no hash")
    [odd, other] = overview.workers(redis)
    assert (odd["name"], odd["pid"], odd["heartbeat_at"], odd["done"]) == ("odd", None, None, 0)
    assert (other["name"], other["queue"]) == ("\ufffd", "default")
    redis.set("headway:queue:default:failed", "no set")
    redis.zadd("headway:queue:default:queued", {"a": float("-inf")})
    [row] = overview.counts(redis, ["default"])
    assert (row["failed"], row["queued"], row["oldest_at"]) == (0, 1, None)
