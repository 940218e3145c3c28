"""For how long ended jobs are kept."""

import pytest
from redis import Redis

from workers import installation, retention
from workers.lifecycle import fetch_job
from workers.queue import Jobs

HOUR, DAY = 3600, 24 * 3600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7d", 7 * DAY),
        (" 36H ", 36 * HOUR),
        ("90 d", 90 * DAY),
        ("60m", HOUR),
        ("3600s", HOUR),
        ("5400", 5400),
        ("91d", None),
        ("59m", None),
        ("0", None),
        ("-1d", None),
        ("1.5d", None),
        ("a week", None),
        ("", None),
        ("7dd", None),
    ],
)
def test_a_time_is_read_with_its_unit(text: str, seconds: int | None) -> None:
    assert retention.parse(text) == seconds


@pytest.mark.parametrize(("told", "kept"), [(2 * HOUR, 2 * HOUR), (30 * DAY, 30 * DAY), (None, retention.DEFAULT)])
def test_all_of_an_ended_job_is_kept_so_long(told: int | None, kept: int, redis: Redis, jobs: Jobs) -> None:
    if told:
        installation.keep_for(redis, told)
        jobs.retention = told
    else:
        redis.lpush(retention.KEY, "no number")
    assert installation.kept_for(redis) == kept
    id = jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id
    job = fetch_job(id, redis)
    assert job is not None and job.result_ttl == job.failure_ttl == kept
    with redis.pipeline() as pipeline:
        job.prepare_for_execution("a worker", pipeline)
        job._result = 1
        job._handle_success(kept, pipeline)
        job.cleanup(kept, pipeline=pipeline, remove_from_queue=False)  # as RQ's worker does
        pipeline.execute()
    names = [f"headway:job:{id}", "headway:owner:me:finished", "headway:inbox:me", f"rq:job:{id}", f"rq:results:{id}"]
    left = {name: redis.ttl(name) for name in names}
    assert all(0.99 * kept < seconds <= kept for seconds in left.values()), left
