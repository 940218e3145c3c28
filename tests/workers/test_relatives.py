"""Who waits for whom, as RQ has written it down."""

from redis import Redis

from workers import relatives
from workers.lifecycle import TrackedJob, TrackedQueue
from workers.queue import Jobs


def test_a_job_knows_what_it_waits_for_and_what_waits_for_it(redis: Redis, jobs: Jobs) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    first = queue.enqueue("text_length", text="1")
    second = queue.enqueue("sum_numbers", text="2", depends_on=[first])
    third = queue.enqueue("sum_numbers", text="3", depends_on=[first, second])
    one = {"id": first.id, "task": "text_length", "status": "queued"}
    two = {"id": second.id, "task": "sum_numbers", "status": "deferred"}
    three = {"id": third.id, "task": "sum_numbers", "status": "deferred"}
    both = sorted([two, three], key=lambda job: job["id"])
    assert relatives.read(redis, first.id) == {"dependencies": [], "dependents": both, "more": False}
    assert relatives.read(redis, third.id) == {"dependencies": [one, two], "dependents": [], "more": False}
    jobs.delete(first.id)
    gone = {"id": first.id, "task": None, "status": None}
    assert relatives.read(redis, second.id) == {"dependencies": [gone], "dependents": [three], "more": False}


def test_of_very_many_a_part_is_read(redis: Redis) -> None:
    redis.sadd(TrackedJob.dependents_key_for("one"), *(f"id{number}" for number in range(5000)))
    found = relatives.read(redis, "one")
    assert len(found["dependents"]) == relatives.SHOWN and found["more"] is True


def test_what_can_not_be_read_is_nothing() -> None:
    for text in (None, b"", b"{", b'"text"', b"7"):
        assert relatives.dependency_ids(text) == []
