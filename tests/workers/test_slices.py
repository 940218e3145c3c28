"""Slices of a search: as long as Redis has time for, whatever the jobs are like, and whatever lies among them."""

import pytest
from redis import Redis

from workers.query import parse
from workers.queue import Jobs
from workers.slices import FIRST, LEAST, MOST, SLICE_TIME, STEP, Pace, look
from workers.wire import Status


def test_a_slice_grows_until_it_takes_its_time_and_shrinks_where_it_takes_longer() -> None:
    pace = Pace()
    for _ in range(10):
        pace.learn(pace.work, pace.work * 2e-6)  # 2 µs a piece of work
    assert pace.work == SLICE_TIME / 2e-6
    pace.learn(pace.work, 2 * SLICE_TIME)
    assert pace.work == SLICE_TIME / 4e-6


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, FIRST * STEP), (60.0, FIRST / STEP)])
def test_one_odd_measurement_changes_little(seconds: float, expected: float) -> None:
    pace = Pace()
    pace.learn(FIRST, seconds)
    assert pace.work == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, MOST), (60.0, LEAST)])
def test_a_slice_stays_within_its_bounds(seconds: float, expected: int) -> None:
    pace = Pace()
    for _ in range(20):
        pace.learn(pace.work, seconds)
    assert pace.work == expected


def test_a_search_goes_on_where_the_work_of_a_slice_was_done(redis: Redis, jobs: Jobs) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": str(number)} for number in range(40)], owner="me")
    pace, before, seen, sizes = Pace(), None, [], []
    while True:
        pace.work = 30  # each of these jobs is two pieces: itself, and its state
        part = look(redis, "all", parse("task:sum_numbers", 0), before, 100, pace)
        seen += part.ids
        sizes.append(len(part.ids))
        before = part.before
        if before is None:
            break
    assert seen == ids[::-1] and sizes[:2] == [15, 15]


def test_a_server_that_has_forgotten_the_script_is_given_it_again(redis: Redis, jobs: Jobs) -> None:
    jobs.submit("sum_numbers", {"text": "1"}, owner="me")
    for _ in range(2):
        redis.script_flush()
        part = look(redis, "all", parse("task:sum_numbers", 0), None, 0, Pace())
        assert part.counts[Status.QUEUED] == 1


def test_what_is_no_state_is_passed_over_and_stays_listed(redis: Redis, jobs: Jobs) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * 4, owner="me")
    redis.set(f"headway:job:{ids[0]}", "no hash")
    redis.hdel(f"headway:job:{ids[1]}", "task", "description", "created_at")
    redis.delete(f"headway:job:{ids[2]}:words")
    redis.rpush(f"headway:job:{ids[2]}:words", "no text")
    redis.zadd("headway:all:queued", {b"\xff\xfe": float("inf"), b"b": float("-inf")})
    redis.set("headway:all:failed", "no index")
    for text in ("task:sum_numbers", "sum", "after:30d", "owner:me", "-task:nope"):
        part = look(redis, "all", parse(text, 10**12), None, 100, Pace())
        assert ids[2] in part.ids and ids[3] in part.ids, text
        assert part.before is None and not set(ids) & set(part.expired)


def test_a_search_ends_among_orders_that_are_none(redis: Redis) -> None:
    redis.zadd("headway:all:queued", {"a": float("inf"), "b": float("-inf"), "c": 1.5})
    pace, before, looks = Pace(), None, 0
    while True:
        pace.work = 1
        before = look(redis, "all", parse("task:none", 0), before, 1, pace).before
        looks += 1
        if before is None:
            break
    assert looks <= 4
