"""Jobs are counted where something moved, and only there; what says nothing is found all the same."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from realtime.counts import RECOUNT, Counts, Moved
from tests.conftest import Stack
from tests.realtime.clients import connected
from tests.workers.conftest import Clock
from workers import store
from workers.queue import Jobs
from workers.wire import Status, index_key

QUEUES = ("default", "bookInfoParser")


@pytest.fixture
def moved() -> Moved:
    return Moved()


@pytest.fixture
def counts(redis: Redis, moved: Moved, clock: Clock) -> Counts:
    return Counts(redis, QUEUES, moved, clock=clock)


def queued(counts: Counts) -> dict[str, int]:
    return {row["name"]: row["queued"] for row in counts.read([])}


def reads(redis: Redis) -> int:
    return int(redis.info("commandstats").get("cmdstat_zcard", {"calls": 0})["calls"])


def test_only_queues_that_moved_are_counted(redis: Redis, jobs: Jobs, counts: Counts, moved: Moved) -> None:
    assert queued(counts) == {"default": 0, "bookInfoParser": 0}
    jobs.submit("sum_numbers", {"text": "1"}, owner="me")
    before = reads(redis)
    assert queued(counts)["default"] == 0 and reads(redis) == before, "nothing was said of it"
    for queue in ("default", "default", "of another installation"):
        moved.add(queue)
    assert queued(counts) == {"default": 1, "bookInfoParser": 0}
    one = reads(redis) - before
    assert queued(counts)["default"] == 1 and reads(redis) == before + one
    moved.all()
    queued(counts)
    assert reads(redis) == before + 3 * one


def test_what_says_nothing_is_found_in_a_few_seconds(redis: Redis, counts: Counts, clock: Clock) -> None:
    queued(counts)
    redis.zadd(index_key("queue:default", Status.QUEUED), {"silent": 1})
    clock.now += RECOUNT - 1
    assert queued(counts)["default"] == 0
    clock.now += 1
    assert queued(counts)["default"] == 1
    redis.delete(index_key("queue:default", Status.QUEUED))
    clock.now -= 3600  # it was set back
    assert queued(counts)["default"] == 0


def test_who_reads_each_second_counts_all_each_fifth(redis: Redis, counts: Counts, clock: Clock) -> None:
    took = []
    for _ in range(31):
        before = reads(redis)
        queued(counts)
        took.append(reads(redis) > before)
        clock.now += 0.99 if len(took) % 2 else 1.01  # a little sooner, a little later
    assert [second for second, counted in enumerate(took) if counted] == [0, 5, 10, 15, 20, 25, 30]


def test_what_could_not_be_counted_is_counted_the_next_time(
    redis: Redis, jobs: Jobs, moved: Moved, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts(redis, QUEUES, moved, clock=clock)
    queued(counts)
    jobs.submit("sum_numbers", {"text": "1"}, owner="me")
    moved.add("default")
    with monkeypatch.context() as patch:
        patch.setattr(counts, "_redis", store.connect(f"unix://{tmp_path}/none.sock"))
        with pytest.raises(RedisError):
            counts.read([])
    assert queued(counts)["default"] == 1


def test_workers_are_those_of_now(counts: Counts) -> None:
    assert [row["workers"] for row in counts.read([{"queue": "default,bookInfoParser"}, {"queue": "default"}])] == [
        2,
        1,
    ]
    assert [row["workers"] for row in counts.read([])] == [0, 0]


def has_finished(count: int, told: dict[str, Any]) -> bool:
    return bool(told["queues"][0]["finished"] == count)


def test_a_job_that_moves_is_counted_for_who_watches(stack: Stack) -> None:
    """Through the whole server; that it need not wait until all are counted is a matter of the relay's."""
    session = stack.session()
    with connected(stack.url, headers=stack.operator) as client:
        client.watch("stats")
        finished = client.hear("stats")["queues"][0]["finished"]
        for count in range(1, 4):
            stack.submit(session, "sum_numbers", text="1")
            client.hear("stats", partial(has_finished, finished + count))
