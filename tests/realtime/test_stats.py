"""The topic `stats`, through the whole server; and what it costs Redis."""

import json
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis

from realtime.counts import Moved
from realtime.stats import CAREER, Beats, Stats
from realtime.topics import STATS, Topics
from tests.conftest import Stack
from tests.realtime.clients import connected
from workers import store
from workers.history import History
from workers.wire import INTERNAL_QUEUES

QUEUE = {"name", "queued", "deferred", "scheduled", "started", "finished", "failed", "canceled", "workers"} | {
    "oldest_at",
    "blocked_by",
}
WORKER = {"name", "state", "queue", "job", "heartbeat_at", "host"}


def test_an_operator_sees_queues_and_workers_move(stack: Stack) -> None:
    session = stack.session()
    with connected(stack.url, headers=stack.operator) as client:
        assert client.watch("stats") == {"ok": True, "topics": {"stats": {"jobs": [], "more": False}}}
        first = client.hear("stats")
        assert set(first) == {"queues", "workers", "scheduler", "rate", "at"}
        assert set(first["rate"]) == {"ended", "failed"}
        assert abs(first["at"] / 1000 - time.time()) < 10 and first["scheduler"] is False
        assert [set(queue) for queue in first["queues"]] == [QUEUE] * 5
        workers = {queue["name"]: queue["workers"] for queue in first["queues"]}
        assert workers == {"default": 2, "bookInfoParser": 1, **dict.fromkeys(INTERNAL_QUEUES, 1)}
        assert len(first["workers"]) == 6 and all(set(worker) == WORKER for worker in first["workers"])
        id = stack.submit(session, "background_work")["id"]
        busy = client.hear("stats", lambda stats: any(worker["job"] == id for worker in stats["workers"]))
        assert busy["queues"][0]["started"] >= 1
        client.ask("unwatch", {"topics": ["stats"]})
        session.post(f"{stack.url}/api/jobs/{id}/stop").raise_for_status()


def test_it_is_for_operators(stack: Stack) -> None:
    with connected(stack.url, stack.session()) as client:
        assert client.watch("stats")["topics"]["stats"]["error"]["code"] == "forbidden"


def test_one_who_was_away_hears_it_again(stack: Stack) -> None:
    """Nothing of it is read again after a gap: the next one has it all."""
    with connected(stack.url, headers=stack.operator) as client:
        client.watch("stats", "jobs")
        client.hear("stats")
        Redis.from_url(stack.redis_url).client_kill_filter(_type="pubsub")
        client.hear("relay", lambda relay: relay["state"] == "stale")
        client.hear("relay", lambda relay: relay["state"] == "live")
        client.hear("stats")
        assert not [data for event, data in client.seen if event == "jobs" and data["topic"] == "stats"]


class Nowhere:
    """Counts what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, sid: str, packet: str) -> bool:
        self.sent.append((sid, packet))
        return True


def commands(redis: Redis) -> int:
    return int(redis.info("stats")["total_commands_processed"])


def test_a_heartbeat_is_told_by_one_clock_whatever_the_worker_s_says(redis: Redis) -> None:
    topics, nowhere, now = Topics(), Nowhere(), [1_000_000.0]
    transport: Any = nowhere
    stats = Stats(redis, ["default"], topics, transport, History(redis), Moved(), clock=lambda: now[0])
    topics.add("s", STATS)
    redis.sadd("rq:workers", "rq:worker:odd")

    def told(off: float) -> int:
        beat = datetime.fromtimestamp(now[0] + off, UTC)
        redis.hset("rq:worker:odd", "last_heartbeat", beat.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        nowhere.sent.clear()
        stats.look()
        said = json.loads(next(packet for _, packet in nowhere.sent if packet.startswith('2["stats"'))[1:])[1]
        return int(said["workers"][0]["heartbeat_at"] - now[0] * 1000)

    assert told(600) == 0, "not what is yet to come"
    for off in (600, -600):
        now[0] += 1
        told(off)
        now[0] += 1
        assert told(off + 0.5) == 0, "as it was heard"


def test_many_who_watch_cost_redis_what_one_does(redis: Redis) -> None:
    topics, nowhere = Topics(), Nowhere()
    transport: Any = nowhere
    now = [1_000_000.0]
    stats = Stats(redis, ["default"], topics, transport, History(redis), Moved(), clock=lambda: now[0])
    stats_watched_by_nobody = commands(redis)
    stats.look()
    assert commands(redis) == stats_watched_by_nobody + 1  # this question itself
    topics.add("s", STATS)
    stats.look()  # the first reading of the history takes more: later ones read what is new
    nowhere.sent.clear()
    topics.drop("s")
    costs = []
    for count in (1, 20, 200):
        for number in range(count):
            topics.add(f"s{number}", STATS)
        now[0] += 60
        before = commands(redis)
        stats.look()
        stats.look()
        costs.append(commands(redis) - before)
        moved = [packet for _, packet in nowhere.sent if not packet.startswith('2["workers"')]  # where nothing changed
        assert len(moved) == 3 * count and len(set(moved)) == 3
        nowhere.sent.clear()
    assert costs[0] == costs[1] == costs[2]


def test_redis_away_is_no_end_of_it(tmp_path: Path) -> None:
    topics = Topics()
    topics.add("s", STATS)
    nowhere: Any = Nowhere()
    away = store.connect(f"unix://{tmp_path}/none.sock")
    Stats(away, ["default"], topics, nowhere, History(away), Moved()).look()
    assert nowhere.sent == []


def says(suspended: bool, told: dict[str, Any]) -> bool:
    return told["suspended"] is suspended


def test_what_workers_have_done_is_told_when_it_changes(stack: Stack) -> None:
    session = stack.session()
    with connected(stack.url, headers=stack.operator) as client:
        client.watch("stats")
        first = client.hear("workers")
        assert first["suspended"] is False and len(first["workers"]) == 6
        assert all(set(worker) == {*CAREER, "silent"} for worker in first["workers"])
        done = sum(worker["done"] for worker in first["workers"])
        stack.submit(session, "sum_numbers", text="1")
        client.hear("workers", lambda told: sum(worker["done"] for worker in told["workers"]) == done + 1)
        for verb, suspended in (("suspend", True), ("resume", False)):
            session.post(f"{stack.url}/api/workers/{verb}", headers=stack.operator).raise_for_status()
            client.hear("workers", partial(says, suspended))


def test_a_worker_is_silent_when_its_heartbeat_has_not_changed_whatever_its_clock_says() -> None:
    now = [1000.0]
    beats = Beats(lambda: now[0])
    for second in range(8):
        now[0] += 1
        beats.listen({"well": second, "stuck": 5, **({"new": 1} if second > 4 else {})})
        assert not beats.is_silent("well")
        assert beats.is_silent("stuck") is (second >= 4)
    assert not beats.is_silent("new")
    ages = {"well": 0, "stuck": None, "new": None}  # of a first heartbeat nobody here knows when it came
    assert {name: beats.age(name) for name in ages} == ages
    now[0] += 60  # nobody looked
    beats.listen({"well": 1, "stuck": 5})
    assert not beats.is_silent("stuck")
