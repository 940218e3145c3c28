"""What is yet to come: read from RQ's own registries and from what its cron schedulers say of themselves."""

import math
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis
from rq.cron import CronScheduler

from workers import lifecycle, schedule, scheduler_heartbeat, store
from workers.errors import Conflict, NotFound
from workers.jobs.text import sum_numbers, text_length
from workers.lifecycle import TrackedQueue
from workers.queue import Jobs

QUEUES = ["default", "bookInfoParser"]
IN_RQ = ["headway.default", "headway.bookInfoParser"]


@pytest.fixture
def cron(redis: Redis) -> Iterator[CronScheduler]:
    """A scheduler that is up, with two entries."""
    lifecycle.install()
    scheduler = CronScheduler(redis, logging_level="WARNING", name="one")
    scheduler.register(sum_numbers, "default", kwargs={"text": "12345"}, interval=60)
    scheduler.register(text_length, "bookInfoParser", args=("a",), cron="0 6 * * *", name="six o'clock")
    scheduler.register_birth()
    yield scheduler
    redis.delete(scheduler.key, "rq:cron_schedulers")


def commands(redis: Redis) -> int:
    return int(redis.info("stats")["total_commands_processed"])


def test_scheduled_jobs_come_by_their_time_over_all_queues(redis: Redis) -> None:
    began = time.time()
    default, books = (TrackedQueue(name, connection=redis) for name in IN_RQ)
    late = default.enqueue_in(timedelta(hours=2), sum_numbers, text="1")
    soon = books.enqueue_in(timedelta(minutes=1), sum_numbers, text="2")
    read = schedule.read(redis, QUEUES)["scheduled"]
    assert read["total"] == 2 and [job["id"] for job in read["jobs"]] == [soon.id, late.id]
    assert 59 < read["jobs"][0]["at"] / 1000 - began < 75
    assert 7199 < read["jobs"][1]["at"] / 1000 - began < 7215


def test_deferred_jobs_say_what_they_wait_for(redis: Redis) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    first = queue.enqueue(sum_numbers, text="1")
    second = queue.enqueue(sum_numbers, text="2", depends_on=[first])
    read = schedule.read(redis, QUEUES)["deferred"]
    assert read == {"total": 1, "jobs": [{"id": second.id, "waits_for": [first.id], "tasks": ["sum_numbers"]}]}


def test_what_is_read_does_not_grow_with_what_waits(redis: Redis) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    costs = []
    for count in (schedule.SHOWN, 4 * schedule.SHOWN):
        for _ in range(count):
            queue.enqueue_in(timedelta(hours=1), sum_numbers, text="1")
        before = commands(redis)
        read = schedule.read(redis, QUEUES)
        costs.append(commands(redis) - before)
        assert len(read["scheduled"]["jobs"]) == schedule.SHOWN
    assert read["scheduled"]["total"] == 5 * schedule.SHOWN
    assert costs[0] == costs[1]


def test_cron_schedulers_show_their_entries(redis: Redis, cron: CronScheduler) -> None:
    [shown] = schedule.read(redis, QUEUES)["cron"]
    assert shown["name"] == "one" and abs(shown["heartbeat_at"] / 1000 - time.time()) < 10
    every, daily = shown["entries"]
    assert (every["name"], every["every"], every["cron"]) == ("workers.jobs.text.sum_numbers", 60, None)
    assert (every["args"], every["last_at"], every["next_at"]) == ("text='12345'", None, None)
    assert (daily["name"], daily["every"], daily["cron"]) == ("six o'clock", None, "0 6 * * *")
    assert daily["args"] == "'a'" and daily["next_at"] / 1000 > time.time()
    cron.enqueue_jobs()
    cron.save()
    [shown] = schedule.read(redis, QUEUES)["cron"]
    every = shown["entries"][0]
    assert every["next_at"] - every["last_at"] == 60_000


def test_what_cron_queues_is_tracked_from_the_start(redis: Redis, jobs: Jobs, cron: CronScheduler) -> None:
    [entry] = cron.enqueue_jobs()
    [id] = entry.get_job_ids(redis)
    state = jobs.load(id).state
    assert (state.task, state.queue, state.status) == ("sum_numbers", "default", "queued")
    job, _ = jobs.detail(id)
    assert job is not None and job.kwargs == {"text": "12345"} and job.timeout == 7200


def test_an_entry_is_queued_now_and_its_time_stays(redis: Redis, jobs: Jobs, cron: CronScheduler) -> None:
    before = schedule.read(redis, QUEUES)["cron"]
    id = schedule.enqueue_now(jobs, "one", 1, "six o'clock")
    assert jobs.load(id).state.task == "text_length" and jobs.load(id).state.queue == "bookInfoParser"
    assert cron.get_jobs()[1].get_job_ids(redis) == [id]
    assert schedule.read(redis, QUEUES)["cron"] == before


def test_what_is_not_there_any_more_is_not_queued(redis: Redis, jobs: Jobs, cron: CronScheduler) -> None:
    with pytest.raises(NotFound, match="no cron scheduler is named 'two'"):
        schedule.enqueue_now(jobs, "two", 0, "x")
    for number, name in [(1, "seven o'clock"), (2, "six o'clock"), (-1, "six o'clock")]:
        with pytest.raises(Conflict, match="other entries"):
            schedule.enqueue_now(jobs, "one", number, name)


def test_only_tasks_are_queued_with_arguments_that_can_be_read(redis: Redis, jobs: Jobs, cron: CronScheduler) -> None:
    cron.register(time.sleep, "default", args=(1,), interval=5, name="foreign")
    cron.register(sum_numbers, "default", kwargs={"text": object()}, interval=5, name="unreadable")
    cron.register(sum_numbers, "nobody's", kwargs={"text": "1"}, interval=5, name="elsewhere")
    cron.register(sum_numbers, "default", kwargs={"meta": {}}, meta={"a": 1}, interval=5, name="ambiguous")
    cron.save()
    with pytest.raises(Conflict, match="expected one of the queues default"):
        schedule.enqueue_now(jobs, "one", 4, "elsewhere")
    with pytest.raises(Conflict, match="can't be queued"):
        schedule.enqueue_now(jobs, "one", 5, "ambiguous")
    with pytest.raises(Conflict, match=r"expected one of Headway's tasks, got 'time\.sleep'"):
        schedule.enqueue_now(jobs, "one", 2, "foreign")
    with pytest.raises(Conflict, match="can't be read"):
        schedule.enqueue_now(jobs, "one", 3, "unreadable")
    assert schedule.read(redis, QUEUES)["cron"][0]["entries"][3]["args"] == ""


@pytest.mark.parametrize("off", [-600, 0, 600])
def test_a_cron_scheduler_was_heard_when_redis_says_so(off: float, redis: Redis, cron: CronScheduler) -> None:
    redis.zadd("rq:cron_schedulers", {"one": time.time() + off})  # as one does whose clock is off by so much
    redis.expire(cron.key, 100)  # of the 120 s that each heartbeat gives it
    [heard] = [one["heartbeat_at"] / 1000 for one in schedule.read(redis, QUEUES)["cron"]]
    assert abs(store.now(redis) / 1e6 - 20 - heard) < 5
    assert schedule.read(redis, QUEUES)["cron"][0]["heartbeat_at"] == round(heard * 1000), "told once"


def test_it_says_whether_a_scheduler_is_up(redis: Redis) -> None:
    assert schedule.read(redis, QUEUES)["scheduler"] is False
    scheduler_heartbeat.beat(redis, "one", IN_RQ)
    assert schedule.read(redis, QUEUES)["scheduler"] is True


def test_a_scheduler_that_says_rubbish_hides_no_other(redis: Redis, jobs: Jobs, cron: CronScheduler) -> None:
    redis.zadd("rq:cron_schedulers", {"mad": time.time(), "killed": time.time(), "odd": 1, "endless": math.inf})
    redis.hset("rq:cron_scheduler:mad", mapping={"pid": "x", "cron_jobs": "{"})
    with pytest.raises(Conflict, match="can't be read"):
        schedule.enqueue_now(jobs, "mad", 0, "x")
    redis.hset("rq:cron_scheduler:odd", "cron_jobs", '["no entry"]')
    redis.hset("rq:cron_scheduler:endless", "pid", "1")
    assert [one["name"] for one in schedule.read(redis, QUEUES)["cron"]] == ["one"]
