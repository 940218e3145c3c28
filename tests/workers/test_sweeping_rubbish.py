"""What anybody writes where a sweep reads keeps no job from being judged."""

import logging
from collections.abc import Callable

import pytest
from redis import Redis

from tests.workers.conftest import Clock
from tests.workers.test_sweeper import run_silently
from workers.queue import Jobs
from workers.sweeper import COMPARE_INTERVAL, SILENCE, Sweeper
from workers.wire import Status, index_key

MEMBERS = (b"\xff", b":\xff", b"\xff:\xff", b"\xff:1", b"x:\xff", b":", b"", b"x", b"a:b:c", b"\0:\0")
SETS = ("rq:wip:headway.default", "rq:scheduled:default", "rq:scheduled:headway.default", index_key("all", Status.LOST))


def rubbish_in_sets(redis: Redis) -> None:
    for key in SETS:
        redis.zadd(key, dict.fromkeys(MEMBERS, 5))


def rubbish_in_lists(redis: Redis) -> None:
    for name in ("headway.default", "headway.default:intermediate", "default"):
        redis.rpush(f"rq:queue:{name}", *MEMBERS)


def executions_of_records_of_another_type(redis: Redis) -> None:
    redis.set("rq:job:text", "no hash")
    redis.lpush("rq:job:list", "no hash")
    redis.zadd("rq:wip:headway.default", {"text:1": 5, "list:1": 5})


def the_old_queue_of_another_type(redis: Redis) -> None:
    redis.set("rq:queue:default", "no list")
    redis.set("rq:scheduled:default", "no set")


@pytest.mark.parametrize(
    "write",
    [
        rubbish_in_sets,
        rubbish_in_lists,
        executions_of_records_of_another_type,
        the_old_queue_of_another_type,
    ],
)
def test_a_silent_job_is_judged_beside(
    write: Callable[[Redis], None],
    jobs: Jobs,
    redis: Redis,
    sweeper: Sweeper,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    silent = run_silently(jobs, redis, expires_in=-1)
    write(redis)
    for _ in range(4):
        sweeper.sweep()
        clock.now += max(SILENCE, COMPARE_INTERVAL)
    assert jobs.load(silent).state.status == Status.FAILED
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_an_entry_of_no_job_is_dropped(redis: Redis, sweeper: Sweeper, clock: Clock) -> None:
    redis.zadd("rq:wip:headway.default", dict.fromkeys(MEMBERS, 5))
    for _ in range(3):
        sweeper.sweep()
        clock.now += SILENCE
    assert redis.zrange("rq:wip:headway.default", 0, -1) == []
