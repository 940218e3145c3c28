"""How ends are counted by the script: each once, in little memory, and never in the way of the end itself."""

import math
import random
from typing import Any, cast

import pytest
from redis import Redis

from workers import store
from workers.tally import BUCKETS, FIELDS, KINDS, QUEUES, SPANS, TASKS, middle
from workers.wire import ACTIONS_QUEUE, Status

LIMIT = 1_048_576  # bytes of all that is counted in
KNOWN = {"task": "t", "queue": "default", "created_at": 1, "enqueued_at": 1000}


def say(redis: Redis, id: str, status: Status, *, queue: str = "default", task: str = "t", **fields: Any) -> None:
    known = {**KNOWN, "queue": queue, "task": task}
    store.transition(redis, id, {"status": status, **fields}, owner="me", fallback=known)


def slices(redis: Redis) -> list[dict[bytes, bytes]]:
    keys = sorted(cast(list[bytes], redis.keys("headway:ends:*")))
    return [cast(dict[bytes, bytes], redis.hgetall(key)) for key in keys]


def counted(redis: Redis, *kinds: int) -> set[int]:
    """How many of `kinds`, in all slices of each span; one number where the spans agree."""
    found: dict[bytes, int] = {}
    for key in cast(list[bytes], redis.keys("headway:ends:*")):
        fields = cast(dict[bytes, bytes], redis.hgetall(key)).items()
        count = sum(int(n) for field, n in fields if field.isdigit() and int(field) % KINDS in kinds)
        step = key.split(b":")[2]
        found[step] = found.get(step, 0) + count
    return set(found.values())


ENDS = (0, *range(2 + BUCKETS, KINDS))  # kinds of which each end has one


def test_an_end_is_counted_once(redis: Redis) -> None:
    say(redis, "a", Status.QUEUED)
    say(redis, "a", Status.STARTED, started_at=1100)
    assert slices(redis) == []
    say(redis, "a", Status.FAILED, ended_at=1200)
    say(redis, "a", Status.FAILED, ended_at=1300)
    say(redis, "a", Status.FINISHED, ended_at=1300)
    assert len(slices(redis)) == len(SPANS) and counted(redis, *ENDS) == {1} and counted(redis, 1) == {1}


def test_each_attempt_has_an_end_of_its_own(redis: Redis) -> None:
    for _ in range(3):
        say(redis, "a", Status.QUEUED)
        say(redis, "a", Status.STARTED, started_at=1100)
        say(redis, "a", Status.FAILED, ended_at=1200)
    assert counted(redis, *ENDS) == {3}


def test_an_attempt_that_is_tried_again_is_no_end(redis: Redis) -> None:
    say(redis, "a", Status.STARTED, started_at=1100)
    say(redis, "a", Status.SCHEDULED)
    assert slices(redis) == []


def test_an_end_that_was_missed_and_is_read_of_later_is_not_of_now(redis: Redis) -> None:
    say(redis, "a", Status.FINISHED, started_at=1100, ended_at=1200)
    assert slices(redis) == []


def test_what_never_ran_ended_all_the_same(redis: Redis) -> None:
    say(redis, "a", Status.QUEUED)
    say(redis, "a", Status.CANCELED)
    assert counted(redis, 0) == {1} and counted(redis, *range(1, KINDS)) == {0}


def test_internal_jobs_are_not_counted(redis: Redis) -> None:
    say(redis, "a", Status.QUEUED, queue=ACTIONS_QUEUE)
    say(redis, "a", Status.FINISHED, queue=ACTIONS_QUEUE)
    assert slices(redis) == []


def test_clocks_that_differ_harm_nothing(redis: Redis) -> None:
    say(redis, "a", Status.QUEUED)
    say(redis, "a", Status.FINISHED, started_at=500, ended_at=400)
    say(redis, "b", Status.QUEUED)
    say(redis, "b", Status.FINISHED, started_at=1500, ended_at=2**53 - 1)
    assert counted(redis, *ENDS) == {2}


def test_what_stands_in_the_way_of_counting_does_not_stand_in_the_way_of_the_end(redis: Redis) -> None:
    seconds, _ = redis.time()
    for span in SPANS.values():
        for start in range(seconds - seconds % span.step, seconds + 60, span.step):
            redis.set(span.key(start), "no hash")
    say(redis, "a", Status.QUEUED)
    say(redis, "a", Status.FINISHED, started_at=1100, ended_at=1200)
    stored = store.load(redis, "a")
    assert stored is not None and stored.state.status == Status.FINISHED


def test_slices_end_with_their_span(redis: Redis) -> None:
    say(redis, "a", Status.QUEUED)
    say(redis, "a", Status.FINISHED)
    seconds, _ = redis.time()
    for span in SPANS.values():
        [key] = cast(list[bytes], redis.keys(f"headway:ends:{span.step}:*"))
        lives = span.step * (span.slices + 2)
        assert int(key.split(b":")[-1]) + lives - seconds - 2 <= redis.ttl(key) <= lives


def names(number: int) -> dict[str, str]:
    """As long as there is room for, in two alphabets; the first few over and over, then ever new ones."""
    queue, task = (number % 13, number % 29) if number < 3000 else (number % 1000, number)
    return {"queue": f"{queue:x<61}", "task": f"{task:ü<32}" if number % 2 else f"{task:t<61}"}


def test_ten_thousand_tasks_of_a_thousand_queues_take_a_megabyte_at_the_most(redis: Redis) -> None:
    """As many slices as there can be at a time, each as full as it can be."""
    chance = random.Random(1)
    for number in range(10_000):
        times = [round(math.exp(chance.uniform(0, 18))) for _ in range(2)]
        status = Status.FAILED if number % 3 else Status.FINISHED
        say(redis, f"j{number}", Status.QUEUED, **names(number))
        say(redis, f"j{number}", status, started_at=1000 + times[0], ended_at=1000 + sum(times), **names(number))
    assert counted(redis, *ENDS) == {10_000}, "the rest is counted too"
    [fullest] = sorted(cast(list[bytes], redis.keys("headway:ends:1200:*")), key=lambda key: redis.hlen(key))[-1:]
    assert FIELDS <= redis.hlen(fullest) <= FIELDS + KINDS
    for field in cast(list[bytes], redis.hkeys(fullest)):
        if field.isdigit():
            redis.hincrby(fullest, field.decode(), 100_000)  # as many as a busy hour has, in each
    total = 0
    for span in SPANS.values():
        for number in range(span.slices + 3):
            copy = span.key(2_000_000_000 + number * span.step)
            assert redis.copy(fullest.decode(), copy)
            total += cast(int, redis.memory_usage(copy))
    assert redis.object("encoding", fullest.decode()) == b"listpack"
    assert total <= LIMIT


@pytest.mark.parametrize("ms", [1, 10, 1000, 3_600_000, 86_400_000])
def test_the_middle_of_a_bucket_is_near_all_of_it(ms: int) -> None:
    bucket = max(0, math.ceil(math.log2(ms) * 2 - 1e-9))
    assert bucket < BUCKETS and abs(middle(bucket) - ms) <= 0.19 * ms


def test_numbers_of_fields_fit_sixteen_bits() -> None:
    """Redis keeps them in three bytes each."""
    assert KINDS * TASKS * QUEUES < 2**15
