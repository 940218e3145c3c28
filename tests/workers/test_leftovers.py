"""What is given up where memory gets short, in a Redis with a limit."""

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.conftest import start_redis
from tests.workers.conftest import Clock
from workers import inbox, leftovers, store
from workers import jobs as jobs_package
from workers.leftovers import ENOUGH, INTERVAL, SHORT, Leftovers
from workers.limits import Payer
from workers.queue import Jobs
from workers.tasks import Tasks

LIMITED: dict[str, Any] = {"maxmemory": "64mb", "maxmemory-policy": "noeviction"}
LARGE = 800_000  # characters, of which half are left when RQ has packed them


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Redis]:
    server, url = start_redis(tmp_path, **LIMITED)
    connection = store.connect(url)
    yield connection
    connection.close()
    server.kill()
    server.wait()


@pytest.fixture
def jobs(small: Redis) -> Jobs:
    return Jobs(small, Tasks.collect(jobs_package), ["default"])


def submit(jobs: Jobs, size: int, *, payer: Payer | None, ended: bool = True) -> str:
    text = secrets.token_hex(size // 2)
    id = jobs.submit("text_length", {"text": text}, owner=payer.owner if payer else "operator", payer=payer).state.id
    if ended:
        jobs.cancel(id)
    return id


def fill(jobs: Jobs) -> list[str]:
    """Jobs of strangers, each of an owner of its own, until memory is short."""
    ids: list[str] = []
    while store.memory_share(jobs.redis) < SHORT:
        ids.append(submit(jobs, LARGE, payer=Payer(f"owner-{len(ids)}")))
    return ids


def look(redis: Redis, clock: Clock) -> None:
    clock.now += INTERVAL
    Leftovers(redis, clock=clock).look(lambda pipeline: True)


def present(jobs: Jobs, ids: list[str]) -> list[bool]:
    return [row is not None for row in store.load_many(jobs.redis, ids)]


def test_the_oldest_large_ones_of_strangers_go_and_nothing_else(
    jobs: Jobs, small: Redis, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    kept = [
        submit(jobs, LARGE, payer=None),
        submit(jobs, LARGE, payer=Payer("by a token", stranger=False)),
        submit(jobs, LARGE, payer=Payer("waits"), ended=False),
        submit(jobs, 100, payer=Payer("small")),
    ]
    ids = fill(jobs)
    with caplog.at_level(logging.WARNING, "headway.leftovers"):
        look(small, clock)
    assert store.memory_share(small) < ENOUGH
    assert all(present(jobs, kept))
    left = present(jobs, ids)
    assert not left[0] and left[-1] and left == sorted(left), "the oldest went"
    assert not inbox.read(small, "owner-0") and inbox.read(small, f"owner-{len(ids) - 1}")
    assert not small.exists(f"rq:job:{ids[0]}")
    assert [record.getMessage() for record in caplog.records] == [
        f"memory is short: {left.count(False)} ended jobs of strangers were given up"
    ]


def test_small_ones_go_where_there_are_no_large_ones(
    jobs: Jobs, small: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(jobs)
    monkeypatch.setattr(leftovers, "LARGE", 10 * LARGE)
    look(small, clock)
    assert store.memory_share(small) < ENOUGH and not all(present(jobs, ids))


def test_with_room_nothing_goes(jobs: Jobs, small: Redis, redis: Redis, clock: Clock) -> None:
    ids = [submit(jobs, LARGE, payer=Payer("me")) for _ in range(5)]
    look(small, clock)
    assert all(present(jobs, ids))
    assert store.memory_share(redis) == 0, "no limit, no shortage"
