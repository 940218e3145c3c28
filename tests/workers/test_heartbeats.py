"""Heartbeats of running jobs, of few and of thousands, by a clock that the tests move."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from tests.workers.conftest import Clock
from workers.heartbeats import SLICE, Heartbeats, wip_key

PATIENCE = 4.0  # seconds


@pytest.fixture
def heartbeats(redis: Redis, clock: Clock) -> Heartbeats:
    return Heartbeats(redis, ["default", "other"], clock=clock, patience=PATIENCE)


def beat(redis: Redis, id: str, number: int, execution: str = "x") -> None:
    redis.zadd(wip_key("default"), {f"{id}:{execution}": time.time() + number})


def test_a_worker_is_silent_once_its_heartbeat_has_stood_still_for_too_long(
    heartbeats: Heartbeats, redis: Redis, clock: Clock
) -> None:
    beat(redis, "still", 30)
    beat(redis, "moves", 30)
    assert heartbeats.listen()[0] == {"default": {"still": None, "moves": None}, "other": {}}
    clock.now += PATIENCE * 0.9
    beat(redis, "moves", 31)
    assert heartbeats.listen()[0]["default"] == {"still": None, "moves": False}
    clock.now += PATIENCE * 0.2
    assert heartbeats.listen()[0]["default"] == {"still": True, "moves": False}
    heartbeats.forget()
    assert heartbeats.listen()[0]["default"] == {"still": None, "moves": None}


def test_time_that_is_excused_is_nobodys_silence(heartbeats: Heartbeats, redis: Redis, clock: Clock) -> None:
    beat(redis, "still", 30)
    heartbeats.listen()
    clock.now += PATIENCE * 1.5
    heartbeats.excuse(PATIENCE)
    assert heartbeats.listen()[0]["default"] == {"still": None}
    clock.now += PATIENCE
    assert heartbeats.listen()[0]["default"] == {"still": True}


@pytest.mark.parametrize("order", [1, -1])
def test_a_job_that_left_an_execution_behind_is_heard_by_the_other(
    order: int, heartbeats: Heartbeats, redis: Redis, clock: Clock
) -> None:
    beat(redis, "twice", 30, "abandoned"[::order])
    beat(redis, "twice", 30, "running"[::order])
    heartbeats.listen()
    clock.now += PATIENCE * 1.1
    beat(redis, "twice", 40, "running"[::order])
    assert heartbeats.listen()[0]["default"] == {"twice": False}


def test_what_is_between_a_queue_and_its_workers_is_told(heartbeats: Heartbeats, redis: Redis) -> None:
    redis.rpush("rq:queue:other:intermediate", "taken")
    assert heartbeats.listen()[1] == {"default": [], "other": ["taken"]}


def test_thousands_are_heard_each_though_all_beat_meanwhile(
    heartbeats: Heartbeats, redis: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {f"{number}:x": time.time() for number in range(10 * SLICE)}
    redis.zadd(wip_key("default"), entries)
    assert len(heartbeats.listen()[0]["default"]) == 10 * SLICE
    turns: list[float] = []

    def turn(seconds: float) -> None:
        turns.append(seconds)
        redis.zadd(wip_key("default"), {entry: at + 100 - len(turns) for entry, at in entries.items()})

    monkeypatch.setattr("workers.heartbeats.time", SimpleNamespace(sleep=turn))  # of this module alone
    clock.now += PATIENCE * 1.1
    silent = heartbeats.listen()[0]["default"]
    assert len(silent) == 10 * SLICE and len(turns) >= 9, "others had their turn"
    assert list(silent.values()).count(False) >= 8 * SLICE, "all but those that were looked at before they beat"


def test_where_few_run_it_is_one_round_trip(heartbeats: Heartbeats, redis: Redis) -> None:
    beat(redis, "one", 30)
    before: dict[str, Any] = redis.info("commandstats")
    heartbeats.listen()
    after: dict[str, Any] = redis.info("commandstats")
    asked = {name: stat["calls"] - before.get(name, {"calls": 0})["calls"] for name, stat in after.items()}
    assert {name: calls for name, calls in asked.items() if calls and name != "cmdstat_info"} == {
        "cmdstat_lrange": 2,
        "cmdstat_zscan": 2,
    }
