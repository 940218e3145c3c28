"""What has ended, as it is read: right within a fifth, and in few commands."""

import json
import math
import random
from typing import Any

import pytest
from redis import Redis

from tests.conftest import Processes, ended
from workers import store
from workers.history import History
from workers.queue import Jobs
from workers.tally import SPANS, Span
from workers.wire import Status


def end(redis: Redis, id: str, *, queue: str = "default", task: str = "t", wait: int = 0, run: int = 0) -> None:
    known = {"task": task, "queue": queue, "created_at": 1, "enqueued_at": 1000}
    store.transition(redis, id, {"status": Status.QUEUED}, owner="", fallback=known)
    times = {"started_at": 1000 + wait, "ended_at": 1000 + wait + run}
    store.transition(redis, id, {"status": Status.FINISHED, **times})


def newest(values: list[Any]) -> Any:
    return next(value for value in reversed(values) if value)


def put(redis: Redis, span: Span, start: int, fields: dict[str, int]) -> None:
    redis.hset(span.key(start), mapping=fields)  # type: ignore[arg-type]


def test_nothing_has_ended_yet(redis: Redis) -> None:
    for name, span in SPANS.items():
        read = History(redis).read(name)
        assert len(read["at"]) == span.slices and read["step"] == span.step
        none, zero = {"p50": [None] * span.slices, "p95": [None] * span.slices}, [0] * span.slices
        assert read["total"] == {"ended": zero, "failed": zero, "wait": none, "run": none}
        assert (read["queues"], read["tasks"]) == ([], [])
        assert read["at"][-1] <= read["until"] < read["at"][-1] + span.step and read["at"][-1] % span.step == 0


def test_jobs_of_real_workers_are_counted_by_queue_and_task(jobs: Jobs, redis: Redis, processes: Processes) -> None:
    processes.worker()
    good = [jobs.submit("sum_numbers", {"text": "1"}, owner="me").state.id for _ in range(3)]
    bad = jobs.submit("count_words", {"url": "http://127.0.0.1:1/"}, owner="me").state.id
    states = [ended(jobs, id).state for id in (*good, bad)]
    assert [state.status for state in states] == [*[Status.FINISHED] * 3, Status.FAILED]
    for name in SPANS:
        read = History(redis).read(name)
        assert (sum(read["total"]["ended"]), sum(read["total"]["failed"])) == (4, 1)
        [queue] = read["queues"]
        assert (queue["name"], sum(queue["ended"]), sum(queue["failed"])) == ("default", 4, 1)
        tasks = {task["name"]: (sum(task["ended"]), sum(task["failed"])) for task in read["tasks"]}
        assert tasks == {"sum_numbers": (3, 0), "count_words": (1, 1)}
        assert newest(queue["wait"]["p50"]) > 0 and newest(queue["run"]["p95"]) > 0


@pytest.mark.parametrize("seed", range(5))
def test_times_are_right_within_a_fifth(seed: int, redis: Redis) -> None:
    chance = random.Random(seed)
    waits = [round(math.exp(chance.gauss(6 + seed, 2))) + 1 for _ in range(400)]
    runs = [round(math.exp(chance.uniform(0, math.log(24 * 3600 * 1000)))) for _ in range(400)]
    for _ in range(2):
        redis.flushall()
        for number, (wait, run) in enumerate(zip(waits, runs, strict=True)):
            end(redis, f"j{number}", wait=wait, run=run)
        [row] = History(redis).read("24h")["tasks"]
        assert sum(row["ended"]) == 400
        if max(row["ended"]) == 400:
            break  # else a slice of 20 min ended meanwhile, and the next one has just begun
    assert max(row["ended"]) == 400
    for kind, times in (("wait", sorted(waits)), ("run", sorted(runs))):
        for name, quantile in (("p50", 0.5), ("p95", 0.95)):
            exact = times[math.ceil(len(times) * quantile) - 1]
            assert abs(newest(row[kind][name]) - exact) <= 0.2 * exact, (kind, name)


@pytest.mark.parametrize("ms", [1, 2, 3, 7, 10, 99, 1000, 12_345, 3_600_000, 86_399_999, 86_400_000])
def test_one_time_is_right_within_a_fifth(ms: int, redis: Redis) -> None:
    end(redis, "a", wait=ms, run=ms)
    [row] = History(redis).read("15m")["queues"]
    for kind in ("wait", "run"):
        assert abs(newest(row[kind]["p50"]) - ms) <= 0.2 * ms
        assert newest(row[kind]["p95"]) == newest(row[kind]["p50"])


def test_the_ten_with_the_most_ends_are_named_and_the_rest_are_one(redis: Redis) -> None:
    span = SPANS["15m"]
    start = History(redis).read("15m")["at"][30]
    names = {f't"task {number}"': number for number in range(1, 15)}
    counts = {str(110 * number): number for number in range(1, 15)}
    put(redis, span, start, {**names, **counts, "0": 5})
    rows = History(redis).read("15m")["tasks"]
    assert [row["name"] for row in rows] == [*(f"task {number}" for number in range(14, 4, -1)), "other"]
    assert [row["rest"] for row in rows] == [False] * 10 + [True]
    assert sum(rows[-1]["ended"]) == 1 + 2 + 3 + 4 + 5
    assert History(redis).read("15m")["queues"][0]["name"] == "other", "no queue was named"


def test_a_slice_that_is_over_is_read_once(redis: Redis) -> None:
    """And a whole look back costs two round trips."""
    history = History(redis)
    first = history.read("24h")
    before = int(redis.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"])
    put(redis, SPANS["24h"], first["at"][5], {"0": 7})
    assert history.read("24h")["total"] == first["total"]
    calls = int(redis.info("commandstats")["cmdstat_hgetall"]["calls"]) - before
    assert calls <= 3, "the two newest, and one more where a slice ended meanwhile"
    put(redis, SPANS["24h"], first["at"][-1], {"0": 7})
    assert sum(history.read("24h")["total"]["ended"]) == 7
    assert sum(History(redis).read("24h")["total"]["ended"]) == 14


def test_what_is_kept_does_not_grow(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    history, span = History(redis), SPANS["15m"]
    for turn in range(5):
        seconds = 1_000_000 + turn * span.step * span.slices * 2
        monkeypatch.setattr(store, "now", lambda _, seconds=seconds: seconds * 1_000_000)
        history.read("15m")
        assert len(history._kept["15m"]) <= span.slices


def test_the_rate_is_of_the_last_seconds(redis: Redis) -> None:
    history = History(redis)
    assert history.rate() == {"ended": 0, "failed": 0}
    for number in range(60):
        end(redis, f"j{number}")
    rate = history.rate()["ended"]
    assert 60 / 30 <= rate <= 60 / 15


@pytest.mark.parametrize("name", ["q|t|e", "1w17", 'q"', "\\", "t", "Q", "ü\u2028", '"}{', "a\x00b", "", "x" * 5000])
def test_names_are_only_names(name: str, redis: Redis) -> None:
    end(redis, "a", queue=name, task=name)
    end(redis, "b", queue="default", task="plain")
    read = History(redis).read("15m")
    shown = "other" if len(name) > 64 else name
    assert {row["name"]: sum(row["ended"]) for row in read["tasks"]} == {shown: 1, "plain": 1}
    assert {row["name"]: sum(row["ended"]) for row in read["queues"]} == {shown: 1, "default": 1}
    json.dumps(read)


def test_what_nobody_has_written_so_is_the_rest(redis: Redis) -> None:
    start = History(redis).read("15m")["at"][30]
    redis.hset(SPANS["15m"].key(start), mapping={b"t\xff{": 1, b"q": 2, b"110": 3, b"?": 4, b"1": b"x", b"9" * 5000: 1})
    read = History(redis).read("15m")
    assert [(row["name"], sum(row["ended"])) for row in read["tasks"]] == [("other", 3)]
