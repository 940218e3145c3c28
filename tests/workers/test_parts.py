"""Which releases run."""

import json
import os
import socket

from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer

from workers import overview, parts, scheduler_heartbeat, store
from workers.parts import FORGOTTEN, KEY
from workers.release import BEFORE, release
from workers.settings import Settings
from workers.tasks import Tasks
from workers.worker import TrackedWorker

QUEUES = ["headway.default"]
US = f"web {socket.gethostname()}:{os.getpid()}"


def test_all_parts_say_theirs(redis: Redis, settings: Settings) -> None:
    ours = TrackedWorker(QUEUES[0], settings=settings, tasks=Tasks({}), connection=redis, name="ours")
    ours.register_birth()  # type: ignore[no-untyped-call]
    Worker(["mail"], connection=redis, name="theirs").register_birth()
    parts.say(redis)
    scheduler_heartbeat.beat(redis, "the scheduler", QUEUES)
    assert parts.differing(redis, overview.workers(redis), QUEUES) == {}

    Worker(QUEUES, connection=redis, name="before", serializer=JSONSerializer).register_birth()
    now = store.now(redis) // 1000
    redis.hset(KEY, mapping={"host:1": json.dumps([now, "0.0.9+a"]), "host:2": json.dumps([now - 2 * FORGOTTEN, "x"])})
    found = parts.differing(redis, overview.workers(redis), QUEUES)
    assert found == {
        release(): [US, "the scheduler", "worker ours"],
        "0.0.9+a": ["web host:1"],
        BEFORE: ["worker before"],
    }
    parts.say(redis)
    assert sorted(redis.hkeys(KEY)) == sorted([b"host:1", US.removeprefix("web ").encode()])


def test_rubbish_is_forgotten(redis: Redis) -> None:
    redis.hset(KEY, mapping={"odd": "no JSON", "other": "[1]", "third": "{}"})
    parts.say(redis)
    assert redis.hlen(KEY) == 1
    redis.delete(KEY)
    redis.set(KEY, "no hash")
    assert parts.differing(redis, [], QUEUES) == {}
    parts.say(redis)
    assert redis.hlen(KEY) == 1
