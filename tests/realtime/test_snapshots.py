"""Reading topics once for many, and merging what moved meanwhile."""

import json
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from realtime import snapshots
from realtime.snapshots import TOGETHER, SharedReads, Snapshot, Watch
from realtime.topics import Topic
from tests.conftest import until
from workers.wire import Update

MINE = Topic("mine", "me")


def test_an_update_between_joining_and_reading_is_in_the_answer() -> None:
    watch = Watch()
    watch.updates = {
        "new": Update("new", 9, "me", "q", False, '{"id":"new"}'),
        "moved": Update("moved", 9, "me", "q", False, '{"id":"moved","version":9}'),
        "old": Update("old", 1, "me", "q", False, '{"id":"old","version":1}'),
        "gone": Update("gone", 9, "me", "q", True, "{}"),
    }
    snapshot: Any = (tuple(Row(id, 5) for id in ("moved", "old", "gone", "still")), False)
    bodies, _ = watch.merge(snapshot)
    merged = [json.loads(body) for body in bodies]
    assert {body["id"]: body.get("version") for body in merged} == {"new": None, "moved": 9, "old": 5, "still": 5}


class Row:
    """As much of a stored state as a merge looks at."""

    def __init__(self, id: str, version: int) -> None:
        self.state = self
        self.id = id
        self.version = version
        self.body = json.dumps({"id": id, "version": version})


class SlowRead:
    """A read that waits to be let go; counts how often it was called."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def __call__(self, topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
        self.calls += 1
        number = self.calls
        self.begun.release()
        assert self.go.acquire(timeout=5)
        return {topic: ((), number > 1) for topic in topics}


def in_threads(count: int, call: Callable[[], Any]) -> list[Any]:
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(call()), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    return results


def test_who_comes_while_a_read_is_under_way_shares_the_next_one() -> None:
    read = SlowRead()
    reads = SharedReads(read)
    results: list[Any] = []
    first = threading.Thread(target=lambda: results.append(reads.read([MINE])[MINE]), daemon=True)
    first.start()
    assert read.begun.acquire(timeout=5)
    late: list[threading.Thread] = []
    for _ in range(50):
        late.append(threading.Thread(target=lambda: results.append(reads.read([MINE])[MINE]), daemon=True))
        late[-1].start()
    until(lambda: MINE in reads._waiting, "somebody waits")
    read.go.release(2)
    for thread in [first, *late]:
        thread.join(5)
    assert read.calls <= 3 and len(results) == 51
    assert [more for _, more in results].count(False) == 1, "only the first may have the first read"


def test_all_that_is_asked_for_in_one_turn_is_read_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = threading.Event()
    monkeypatch.setattr(snapshots, "time", SimpleNamespace(sleep=lambda seconds: turn.wait(5)))
    asked: list[Sequence[Topic]] = []

    def read(topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
        asked.append(topics)
        return {topic: ((), False) for topic in topics}

    reads = SharedReads(read)
    topics = [MINE, Topic("job:a"), Topic("job:b")]
    threads = [threading.Thread(target=reads.read, args=([topic],), daemon=True) for topic in (*topics, MINE)]
    for thread in threads:
        thread.start()
    until(lambda: len(reads._gathered) == 3, "all have asked")
    turn.set()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert [sorted(topic.name for topic in part) for part in asked] == [["job:a", "job:b", "mine"]]


def test_a_read_that_fails_fails_for_all_who_share_it() -> None:
    def read(topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
        raise RedisConnectionError("away")

    reads = SharedReads(read)
    with pytest.raises(RedisConnectionError):
        reads.read([MINE])[MINE]
    with pytest.raises(RedisConnectionError):
        reads.read([MINE])[MINE]


def test_very_many_topics_are_read_in_parts_and_each_part_is_answered_once_it_is_there() -> None:
    topics = [Topic(f"job:{number}") for number in range(2 * TOGETHER + 1)]
    slow = SlowRead()
    reads = SharedReads(slow)
    found: list[dict[Topic, Snapshot]] = []
    reader = threading.Thread(target=lambda: found.append(reads.read(topics)))
    reader.start()
    assert slow.begun.acquire(timeout=5)
    first = reads._running[topics[0]]
    slow.go.release()
    assert slow.begun.acquire(timeout=5)
    assert first.done.is_set() and not reads._running[topics[-1]].done.is_set()
    slow.go.release(2)
    reader.join(5)
    assert slow.calls == 3 and set(found[0]) == set(topics) and not reads._running


def test_of_a_read_in_parts_that_fails_nobody_waits_for_ever() -> None:
    calls: list[int] = []

    def read(topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
        calls.append(len(topics))
        if len(calls) > 1:
            raise RedisConnectionError("away")
        return {topic: ((), False) for topic in topics}

    with pytest.raises(RedisConnectionError):
        SharedReads(read).read([Topic(f"job:{number}") for number in range(3 * TOGETHER)])
    assert calls == [TOGETHER, TOGETHER]
