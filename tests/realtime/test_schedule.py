"""What is yet to come, over HTTP and as a topic."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from flask.testing import FlaskClient
from redis import Redis
from rq.cron import CronScheduler

from tests.conftest import Stack
from tests.realtime.clients import connected
from workers import lifecycle, store
from workers.jobs.text import sum_numbers
from workers.lifecycle import TrackedQueue
from workers.queue import Jobs


@pytest.fixture
def cron(redis: Redis) -> Iterator[CronScheduler]:
    lifecycle.install()
    scheduler = CronScheduler(redis, logging_level="WARNING", name="one")
    scheduler.register(sum_numbers, "default", kwargs={"text": "1"}, interval=60, name="sums")
    scheduler.register_birth()
    yield scheduler
    redis.delete(scheduler.key, "rq:cron_schedulers")


def test_operators_and_viewers_read_the_schedule(
    me: FlaskClient, operator: FlaskClient, viewer: FlaskClient, redis: Redis, cron: CronScheduler
) -> None:
    job = TrackedQueue("headway.default", connection=redis).enqueue_in(timedelta(hours=1), sum_numbers, text="1")
    read = operator.get("/api/schedule").get_json()
    assert viewer.get("/api/schedule").get_json() == read
    asked = {"scheduler": "one", "number": 0, "name": "sums"}
    assert viewer.post("/api/cron/enqueue", json=asked).status_code == 403
    assert [one["id"] for one in read["scheduled"]["jobs"]] == [job.id]
    assert [entry["name"] for entry in read["cron"][0]["entries"]] == ["sums"]
    assert me.get("/api/schedule").status_code == 401


def test_an_entry_is_queued_by_operators_alone_and_it_is_on_record(
    me: FlaskClient, operator: FlaskClient, jobs: Jobs, cron: CronScheduler
) -> None:
    asked = {"scheduler": "one", "number": 0, "name": "sums"}
    assert me.post("/api/cron/enqueue", json=asked).status_code == 401
    answer = operator.post("/api/cron/enqueue", json=asked)
    assert answer.status_code == 202 and answer.get_json()["task"] == "sum_numbers"
    assert jobs.load(answer.get_json()["id"]).state.status == "queued"
    done, refused = operator.get("/api/audit").get_json()["entries"]
    assert (done["what"], done["which"]["name"], done["which"]["id"]) == ("cron", "sums", answer.get_json()["id"])
    assert (refused["what"], refused["which"]["cron unauthorized"]) == ("refused", 1)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"scheduler": "one", "number": 0, "name": "others"}, 409),
        ({"scheduler": "none", "number": 0, "name": "sums"}, 404),
        ({"scheduler": "one", "number": "x", "name": "sums"}, 400),
        ({"scheduler": "one"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(
    asked: dict[str, object], status: int, operator: FlaskClient, cron: CronScheduler
) -> None:
    answer = operator.post("/api/cron/enqueue", json=asked)
    assert answer.status_code == status and answer.get_json()["error"]["message"]


def test_the_schedule_is_told_as_it_changes(stack: Stack) -> None:
    queue = TrackedQueue("headway.default", connection=store.connect(stack.redis_url))
    with connected(stack.url, headers=stack.operator) as client:
        assert client.watch("schedule") == {"ok": True, "topics": {"schedule": {"jobs": [], "more": False}}}
        first = client.hear("schedule")
        assert set(first) == {"scheduled", "deferred", "cron", "scheduler"}
        job = queue.enqueue_in(timedelta(hours=1), sum_numbers, text="1")
        shown = client.hear("schedule", lambda data: job.id in [one["id"] for one in data["scheduled"]["jobs"]])
        requests.post(f"{stack.url}/api/jobs/{job.id}/cancel", headers=stack.operator).raise_for_status()
        less = client.hear("schedule", lambda data: data["scheduled"]["total"] < shown["scheduled"]["total"])
        assert job.id not in [one["id"] for one in less["scheduled"]["jobs"]]
    with connected(stack.url, stack.session()) as client:
        assert client.watch("schedule")["topics"]["schedule"]["error"]["code"] == "forbidden"
