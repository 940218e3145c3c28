"""The jobs that a job waits for, and those that wait for it."""

import json
from typing import Any, cast

from redis import Redis

from workers import records, store
from workers.lifecycle import TrackedJob
from workers.store import Stored

SHOWN = 100  # of each kind


def read(redis: Redis, id: str, owner: str | None = None) -> dict[str, Any]:
    """{dependencies: [{id, task, status}], dependents: [the same], more}; `more`: there are others.

    Task and status are None of a job that is no more. With `owner` only that owner's are told: to know an id is to
    have the right to watch it.
    """
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.hget(TrackedJob.key_for(id), "dependency_ids")
        pipeline.srandmember(TrackedJob.dependents_key_for(id), SHOWN + 1)
        text, members = records.execute(pipeline)
    dependencies = dependency_ids(text)
    dependents = sorted(records.text(member) for member in cast(list[bytes], members or []))
    shown = [*dependencies[:SHOWN], *dependents[:SHOWN]]
    known = dict(zip(shown, store.load_many(redis, shown), strict=True))
    more = max(len(dependencies), len(dependents)) > SHOWN
    told = {
        name: [_told(id, known[id]) for id in ids[:SHOWN] if owner is None or _owner(known[id]) == owner]
        for name, ids in (("dependencies", dependencies), ("dependents", dependents))
    }
    return {**told, "more": more}


def _told(id: str, stored: Stored | None) -> dict[str, Any]:
    state = stored.state if stored else None
    return {"id": id, "task": state.task if state else None, "status": str(state.status) if state else None}


def _owner(stored: Stored | None) -> str | None:
    return stored.owner if stored else None


def dependency_ids(text: bytes | None) -> list[str]:
    """The ids in RQ's field `dependency_ids`; none where it can't be read: RQ could not run such a job either."""
    try:
        ids = json.loads(text or b"[]")
    except (ValueError, RecursionError):
        return []
    return [str(id) for id in ids] if isinstance(ids, list) else []
