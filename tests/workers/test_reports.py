"""What a running job reports, into states that have lost something."""

import pytest
from redis import Redis

from workers import store
from workers.reports import REPORTED
from workers.wire import FIELDS, Status


def start(redis: Redis) -> None:
    store.transition(redis, "a", {"status": Status.STARTED}, owner="me", fallback={"queue": "default", "task": "t"})


def test_all_that_a_job_reports_is_kept(redis: Redis) -> None:
    start(redis)
    told = {"completed": 1, "total": 2, "unit": "pages", "description": "reading", "meta": {"a": 1}}
    assert store.report(redis, "a", 1, told)
    stored = store.load(redis, "a")
    assert stored is not None and {name: getattr(stored.state, name) for name in REPORTED} == told


@pytest.mark.parametrize("name", [*FIELDS, "owner"])
def test_into_a_state_that_lacks_a_field_nothing_is_written(name: str, redis: Redis) -> None:
    start(redis)
    redis.hdel("headway:job:a", name)
    assert store.report(redis, "a", 1, {"description": "on"}) is False


def test_into_a_key_of_another_type_nothing_is_written(redis: Redis) -> None:
    redis.set("headway:job:a", "no hash")
    assert store.report(redis, "a", 1, {"description": "on"}) is False
    assert redis.get("headway:job:a") == b"no hash"


@pytest.mark.parametrize("version", ["rubbish", "inf", "nan", "-inf", "1e300"])
def test_a_version_of_rubbish_is_set_right(version: str, redis: Redis) -> None:
    start(redis)
    redis.hset("headway:job:a", "version", version)
    before = store.now(redis)
    assert store.report(redis, "a", 1, {"description": "on"})
    stored = store.load(redis, "a")
    assert stored is not None and before <= stored.state.version <= store.now(redis)
