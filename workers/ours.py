"""Which jobs Headway has made. What it did not start it only ever reads.

A job of ours has a mark in RQ's record. Those of the release before have none: they are known by their data, JSON that
names a task of ours, and marked when they are met.
"""

import functools
import json
import re
import zlib
from collections.abc import Collection, Container, Mapping, Sequence
from typing import Any, Final, cast

from redis import Redis
from redis.commands.core import Script
from rq.job import Job

from workers.wire import state_key

MARK: Final = "headway"  # a field of RQ's record
LARGEST: Final = 4 * 1024 * 1024  # bytes of a job's data, packed, that are looked into
BEGINNING: Final = 1024  # bytes of it, unpacked, that hold the name of the function

# KEYS  records of RQ's
# ARGV  the mark. A record that has gone meanwhile must not come back as a mark alone.
SCRIPT: Final = """
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, ARGV[1], '1') end
end
"""


@functools.cache
def _script() -> Script:
    return Script(cast(Any, None), SCRIPT.encode())


def mark(redis: Redis, ids: Sequence[str]) -> None:
    """Have RQ's records of these jobs say that they are ours."""
    _script()([Job.key_for(id) for id in ids], [MARK], client=redis)


def is_ours(record: Mapping[bytes, bytes], tasks: Container[str]) -> bool:
    """Whether RQ's record is of a job that Headway made; `tasks` are the names of its tasks."""
    return MARK.encode() in record or _names_a_task(record.get(b"data", b""), tasks)


def _names_a_task(data: bytes, tasks: Container[str]) -> bool:
    """Whether a job's data is JSON, as `rq.serializers.JSONSerializer` writes it, and names one of `tasks`."""
    try:
        text = zlib.decompressobj().decompress(data, BEGINNING)
    except zlib.error:
        text = data[:BEGINNING]
    named = re.match(rb'\[("(?:[^"\\]|\\.){1,800}"), null, \[', text)
    try:
        return named is not None and json.loads(named[1]) in tasks
    except ValueError:
        return False


class Ours:
    """Tells our jobs from others', by their ids. It marks those that it knows by their data."""

    def __init__(self, redis: Redis, tasks: Container[str]) -> None:
        self._redis = redis
        self._tasks = tasks
        self._known: dict[str, dict[str, bool]] = {}  # place → what was found out about the jobs that were there

    def among(self, place: str, ids: Collection[str]) -> frozenset[str]:
        """Those of `ids`, which are all that are at `place` now, that are ours. It asks for each once, as long as it
        stays there."""
        before = self._known.get(place, {})
        new = [id for id in ids if id not in before]
        found = self.look(new) if new else frozenset()
        self._known[place] = {id: before[id] if id in before else id in found for id in ids}
        return frozenset(id for id, ours in self._known[place].items() if ours)

    def look(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of `ids` that are ours."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for id in ids:
                pipeline.hexists(Job.key_for(id), MARK)
                pipeline.exists(state_key(id))
                pipeline.hstrlen(Job.key_for(id), "data")
            answers = pipeline.execute(raise_on_error=False)
        marked = {id for id, answer in zip(ids, answers[::3], strict=True) if answer == 1}
        asked = zip(ids, answers[1::3], answers[2::3], strict=True)
        # of each job of ours there is a state; others' data may be large
        maybe = [id for id, known, size in asked if id not in marked and known == 1 and _is_size(size)]
        return frozenset(marked | self._adopt(maybe))

    def _adopt(self, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        with self._redis.pipeline(transaction=False) as pipeline:
            for id in ids:
                pipeline.hget(Job.key_for(id), "data")
            data = pipeline.execute()
        ours = [id for id, text in zip(ids, data, strict=True) if text and _names_a_task(text, self._tasks)]
        if ours:
            mark(self._redis, ours)
        return set(ours)


def _is_size(answer: Any) -> bool:
    return isinstance(answer, int) and 0 < answer <= LARGEST
