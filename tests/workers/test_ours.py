"""Which jobs Headway has made, told from those of any other application."""

import json
import pickle
import zlib
from typing import Any

import pytest
from redis import Redis
from rq import Queue

from tests.monitor import Monitor
from workers.lifecycle import fetch_job
from workers.ours import MARK, Ours, is_ours
from workers.queue import Jobs

TASKS = {"sum_numbers", 'send-mail: "größer"'}


def packed(value: Any) -> bytes:
    return zlib.compress(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("record", "ours"),
    [
        ({b"headway": b"1", b"data": b"anything"}, True),
        ({b"data": packed(["sum_numbers", None, [], {"text": "1"}])}, True),
        ({b"data": json.dumps(["sum_numbers", None, [], {}]).encode()}, True),
        ({b"data": packed(['send-mail: "größer"', None, [], {}])}, True),
        ({b"data": b'["\\x", null, [], {}]'}, False),
        ({b"data": b'["\xff", null, [], {}]'}, False),
        ({b"data": packed(["app.tasks.sum_numbers", None, [], {}])}, False),
        ({b"data": packed(["sum_numbers", "an instance", [], {}])}, False),
        ({b"data": zlib.compress(pickle.dumps(("sum_numbers", None, (), {})))}, False),
        ({b"data": b"\x80garbage"}, False),
        ({b"data": zlib.compress(b"x" * 10_000_000)}, False),
        ({b"data": b""}, False),
        ({}, False),
    ],
)
def test_a_job_is_ours_by_its_mark_or_as_json_that_names_a_task(record: dict[bytes, bytes], ours: bool) -> None:
    assert is_ours(record, TASKS) is ours


def test_every_job_of_ours_is_marked_and_keeps_its_mark(jobs: Jobs, redis: Redis) -> None:
    one = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    many = jobs.submit_many("sum_numbers", [{"text": "1"}] * 2, owner="me")
    later = jobs.submit_internal(
        "act_on_jobs", {"verb": "cancel", "total": 1}, owner="me", id="an-action", queue="headway"
    ).state.id
    for id in (one, *many, later):
        assert redis.hget(f"rq:job:{id}", MARK) == b"1"
    jobs.cancel(one)
    jobs.requeue(one)
    job = fetch_job(one, redis)
    assert job is not None and job.is_ours
    job.save()
    assert redis.hget(f"rq:job:{one}", MARK) == b"1"


def test_a_job_of_somebody_else_that_is_saved_by_us_is_still_theirs(redis: Redis) -> None:
    theirs = Queue("default", connection=redis).enqueue("app.send", 1)
    redis.hset(theirs.key, "data", packed(["app.send", None, [1], {}]))
    job = fetch_job(theirs.id, redis)
    assert job is not None and not job.is_ours
    job.save()
    assert not redis.hexists(theirs.key, MARK)


def test_those_of_the_release_before_are_marked_when_they_are_met(jobs: Jobs, redis: Redis) -> None:
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    redis.hdel(f"rq:job:{id}", MARK)
    theirs = Queue("default", connection=redis).enqueue("app.send", 1).id
    ours = Ours(redis, TASKS)
    assert ours.among("here", [id, theirs, "gone"]) == {id}
    assert redis.hget(f"rq:job:{id}", MARK) == b"1" and not redis.hexists(f"rq:job:{theirs}", MARK)
    assert not redis.exists("rq:job:gone")


def test_each_is_asked_for_once_as_long_as_it_stays(jobs: Jobs, redis: Redis, redis_url: str) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    ours = Ours(redis, TASKS)
    ours.among("here", ids)
    with Monitor(redis_url) as monitor:
        assert ours.among("here", ids) == set(ids)
        assert not [command for command in monitor.all() if command.name == "HEXISTS"]
