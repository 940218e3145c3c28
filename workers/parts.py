"""Which releases run: that of each worker, of the scheduler and of each web process."""

import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redis import Redis

from workers import records, scheduler_heartbeat, store
from workers.release import BEFORE, release

KEY: Final = "headway:webs"  # hash: <host>:<pid> → [ms by Redis's clock, release]
FORGOTTEN: Final = 90_000  # ms after which a web process that says nothing is one no more


def say(redis: Redis) -> None:
    """Say that this web process runs, and forget those that don't any more. Raises RedisError."""
    now = store.now(redis) // 1000
    with redis.pipeline() as pipeline:
        if records.ask(lambda: redis.hlen(KEY), None) is None:
            pipeline.delete(KEY)  # of another type
        pipeline.hset(KEY, f"{socket.gethostname()}:{os.getpid()}", json.dumps([now, release()]))
        for name, (at, _) in _webs(redis).items():
            if at < now - FORGOTTEN:
                pipeline.hdel(KEY, name)
        pipeline.execute()


def differing(redis: Redis, workers: Iterable[Mapping[str, Any]], queues: Sequence[str]) -> dict[str, list[str]]:
    """{release: [part]} where not all parts are of one release, else {}. Raises RedisError.

    `workers` are as `overview.workers` has them, of which only ours have a release; `queues` are names in RQ.
    """
    now = store.now(redis) // 1000
    found: dict[str, list[str]] = {}
    for name, (at, said) in sorted(_webs(redis).items()):
        if at >= now - FORGOTTEN:
            found.setdefault(said, []).append(f"web {name}")
    scheduler = scheduler_heartbeat.read(redis, queues)
    if scheduler is not None:
        found.setdefault(scheduler.release or BEFORE, []).append(scheduler.name)
    for worker in workers:
        if worker["release"]:
            found.setdefault(worker["release"], []).append(f"worker {worker['name']}")
    return found if len(found) > 1 else {}


def _webs(redis: Redis) -> dict[str, tuple[int, str]]:
    found = {}
    for name, text in records.ask(lambda: redis.hgetall(KEY), {}).items():
        try:
            at, said = json.loads(text)
            found[records.text(name)] = (int(at), str(said)[:64])
        except (ValueError, TypeError):
            found[records.text(name)] = (0, "")  # rubbish, which is forgotten
    return found
