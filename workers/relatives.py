"""The jobs that a job waits for, and those that wait for it."""

import json
from typing import Any, cast

from redis import Redis

from workers import store
from workers.lifecycle import TrackedJob

SHOWN = 100  # of each kind


def read(redis: Redis, id: str) -> dict[str, Any]:
    """{dependencies: [{id, task, status}], dependents: [the same], more}; `more`: there are others.

    Task and status are None of a job that is no more.
    """
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.hget(TrackedJob.key_for(id), "dependency_ids")
        pipeline.srandmember(TrackedJob.dependents_key_for(id), SHOWN + 1)
        text, members = pipeline.execute()
    dependencies = dependency_ids(text)
    dependents = sorted(member.decode() for member in cast(list[bytes], members))
    shown = [*dependencies[:SHOWN], *dependents[:SHOWN]]
    jobs = [
        {
            "id": one,
            "task": stored.state.task if stored else None,
            "status": str(stored.state.status) if stored else None,
        }
        for one, stored in zip(shown, store.load_many(redis, shown), strict=True)
    ]
    count = len(dependencies[:SHOWN])
    more = max(len(dependencies), len(dependents)) > SHOWN
    return {"dependencies": jobs[:count], "dependents": jobs[count:], "more": more}


def dependency_ids(text: bytes | None) -> list[str]:
    """The ids in RQ's field `dependency_ids`; none where it can't be read: RQ could not run such a job either."""
    try:
        ids = json.loads(text or b"[]")
    except ValueError:
        return []
    return [str(id) for id in ids] if isinstance(ids, list) else []
