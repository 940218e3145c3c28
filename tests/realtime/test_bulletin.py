"""Bulletins: told soon, once to each watcher, read once for all; here those of what has ended."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from realtime.counts import Moved
from realtime.stats import HISTORY, INTERVAL, Stats
from realtime.topics import SCHEDULE, STATS, Topics
from tests.conftest import Stack, until
from tests.realtime.clients import connected
from tests.realtime.conftest import Sockets
from tests.workers.conftest import Clock
from workers import store
from workers.history import History
from workers.tally import FIELDS, KINDS, QUEUES, RUN, SPANS, TASKS, WAIT

LIMIT = 64 * 1024  # bytes of one event


@pytest.fixture
def topics() -> Topics:
    return Topics()


@pytest.fixture
def news(redis: Redis, topics: Topics, sockets: Sockets, clock: Clock) -> Stats:
    return Stats(redis, ["default"], topics, sockets, History(redis), Moved(), clock=clock)


def spans(packets: list[Any]) -> list[str]:
    """The spans of the events that were sent, which are forgotten."""
    found = [name for event, data in packets if event == "history" for name in data["spans"]]
    packets.clear()
    return found


def reads(redis: Redis) -> int:
    return int(redis.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"])


def test_an_operator_is_told_at_once_and_again(stack: Stack) -> None:
    with connected(stack.url, headers=stack.operator) as client:
        client.watch("stats")
        heard: list[str] = []

        def listen() -> list[str]:
            while not client.events.empty():
                event, data = client.events.get()
                heard.extend(data["spans"] if event == "history" else ())
            return heard

        until(lambda: listen()[:2] == ["15m", "24h"], "both spans", within=5)
        until(lambda: listen().count("15m") == 2, "the next", within=20)


def test_who_begins_to_watch_is_told_and_nobody_twice(
    news: Stats, topics: Topics, sockets: Sockets, clock: Clock
) -> None:
    early, late = sockets.connect("early"), sockets.connect("late")
    topics.add("early", STATS)
    news.look()
    assert spans(early) == ["15m", "24h"] and spans(late) == []
    topics.add("late", STATS)
    news.look()
    assert spans(early) == [] and spans(late) == ["15m", "24h"]
    clock.now += HISTORY["15m"]
    news.look()
    assert spans(early) == spans(late) == ["15m"]
    clock.now += HISTORY["24h"]
    news.look()
    assert spans(early) == ["15m", "24h"]


def test_who_comes_back_is_told_anew(news: Stats, topics: Topics, sockets: Sockets) -> None:
    packets = sockets.connect("s")
    topics.add("s", STATS)
    news.look()
    topics.remove("s", [STATS])
    news.look()
    topics.add("s", STATS)
    packets.clear()
    news.look()
    assert spans(packets) == ["15m", "24h"]


def test_who_could_not_take_it_is_told_once_it_can(news: Stats, topics: Topics, sockets: Sockets) -> None:
    packets = sockets.connect("s")
    topics.add("s", STATS)
    sockets.full.add("s")
    news.look()
    sockets.full.clear()
    news.look()
    news.look()
    assert spans(packets) == ["15m", "24h"]


def test_nothing_is_read_when_nobody_looks_and_all_is_read_once(
    news: Stats, topics: Topics, sockets: Sockets, redis: Redis
) -> None:
    before = reads(redis)
    news.look()
    assert reads(redis) == before
    for number in range(50):
        sockets.connect(f"s{number}")
        topics.add(f"s{number}", STATS)
    news.look()
    news.look()
    rate, parts = 2, 3  # hashes: of how much ends a second; twice of the scheduler, and of web processes
    assert reads(redis) == before + sum(span.slices for span in SPANS.values()) + rate + parts


def test_redis_away_is_no_end_of_it(tmp_path: Path, topics: Topics, sockets: Sockets) -> None:
    packets = sockets.connect("s")
    topics.add("s", STATS)
    away = store.connect(f"unix://{tmp_path}/none.sock")
    Stats(away, ["default"], topics, sockets, History(away), Moved()).look()
    assert packets == []


def test_a_record_that_nobody_can_read_ends_nothing_and_hides_no_other_bulletin(
    news: Stats, topics: Topics, sockets: Sockets, redis: Redis, clock: Clock
) -> None:
    packets = sockets.connect("s")
    for topic in (STATS, SCHEDULE):
        topics.add("s", topic)
    redis.zadd("rq:scheduled:headway.default", {b"\xff": math.inf})
    news.look()
    assert spans(packets) == ["15m", "24h"]
    redis.delete("rq:scheduled:headway.default")
    clock.now += INTERVAL
    news.look()
    assert [event for event, _ in packets].count("schedule") == 1


def test_an_event_is_no_more_than_64_kb_however_much_there_is(
    news: Stats, topics: Topics, sockets: Sockets, redis: Redis
) -> None:
    chance = random.Random(1)
    names = {f'q"{"q" * 55}{number:04}"': number for number in range(1, QUEUES)}
    names |= {f't"{"t" * 55}{number:04}"': number for number in range(1, TASKS)}
    history = History(redis)
    for name, span in SPANS.items():
        for start in history.read(name)["at"]:
            counts = dict(names)
            while len(counts) < FIELDS:
                base = KINDS * (chance.randrange(TASKS) + TASKS * chance.randrange(QUEUES))
                for first in (WAIT, RUN):
                    counts[str(base + first + chance.randrange(54))] = round(math.exp(chance.uniform(0, 9)))
                counts[str(base + 1)] = chance.randrange(999)
            redis.hset(span.key(start), mapping=counts)  # type: ignore[arg-type]
    sockets.connect("s")
    topics.add("s", STATS)
    news.look()
    events = [packet for packet in sockets.packets["s"] if packet[0] == "history"]
    sizes = [len(json.dumps(packet, separators=(",", ":"))) for packet in events]
    assert len(sizes) == 2 and max(sizes) <= LIMIT, sizes
