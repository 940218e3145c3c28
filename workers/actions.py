"""Actions: a verb done to very many jobs, by a job of our own that shows how far it is.

What is acted on is fixed when it is asked for: a list of ids in Redis. They are worked off from its end, each batch
taken off in the very step that does it, so that whoever goes on after a crash does nothing twice and forgets nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, cast
from uuid import uuid4

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from workers import records
from workers.acts import Errors, act
from workers.errors import Conflict, NotFound
from workers.limits import ID_SIZE, Payer
from workers.progress import progress
from workers.queue import Jobs
from workers.store import Stored
from workers.verbs import Verb
from workers.wire import ACTIONS_QUEUE, OTHERS_QUEUE, state_key

TASK: Final = "act_on_jobs"
TTL: Final = 24 * 3600  # seconds for which an action is remembered
BATCH: Final = 100  # jobs of one MULTI, at the most
HELD: Final = 0.005
UNDO: Final = 8  # seconds in which a delete can be undone
BEGUN, UNDONE = b"begun", b"undone"


def action_key(id: str) -> str:
    """What is known of an action: a hash; beside it `:ids`, those that are left."""
    return f"headway:action:{id}"


def collect(redis: Redis, slices: Iterable[Sequence[str]]) -> tuple[str, int]:
    """Fix what is to be acted on, newest first: the new action's id, and how many jobs they are."""
    id, total = str(uuid4()), 0
    for ids in slices:
        with redis.pipeline() as pipeline:
            pipeline.rpush(f"{action_key(id)}:ids", *ids)
            pipeline.expire(f"{action_key(id)}:ids", TTL)
            pipeline.execute()
        total += len(ids)
    return id, total


def drop(redis: Redis, id: str) -> None:
    """Forget an action that has not begun."""
    redis.delete(action_key(id), f"{action_key(id)}:ids")


def begin(
    jobs: Jobs, id: str, verb: Verb, total: int, *, owner: str, everybody: bool, payer: Payer | None = None
) -> Stored:
    """Have it done to what was collected as `id`; returns the state of the job that does it, whose owner is `owner`.

    Without `everybody`, to jobs of that owner only. A delete waits until it can't be undone any more.
    """
    with jobs.redis.pipeline() as pipeline:
        pipeline.hset(
            action_key(id), mapping={"verb": verb, "total": total, "owner": "" if everybody else owner, "done": 0}
        )
        pipeline.expire(action_key(id), TTL)
        pipeline.execute()
    # RQ's scheduler counts in whole seconds, rounded down
    after = timedelta(seconds=UNDO + 1) if verb is Verb.DELETE else timedelta()
    queue = ACTIONS_QUEUE if everybody else OTHERS_QUEUE  # what others do holds up no operator
    args, size = {"verb": verb, "total": total}, total * ID_SIZE
    return jobs.submit_internal(TASK, args, owner=owner, id=id, queue=queue, after=after, payer=payer, size=size)


def undo(jobs: Jobs, id: str) -> Stored:
    """Take back an action that has not begun. Raises `NotFound`, `Conflict`."""
    if jobs.redis.type(action_key(id)) != b"hash":
        raise NotFound(f"no action has the id {id[:80]!r}")
    if _decide(jobs.redis, id, UNDONE) != UNDONE:
        raise Conflict("undo: expected an action that has not begun, got one that has")
    try:
        return jobs.cancel(id)
    except Conflict:
        return jobs.load(id)  # a worker has just taken it, and will find that there is nothing to do


def _decide(redis: Redis, id: str, fate: bytes) -> bytes:
    """Who comes first, undo or the worker, decides what becomes of it; returns what was decided."""
    redis.hsetnx(action_key(id), "fate", fate)
    return cast(bytes, redis.hget(action_key(id), "fate"))


def work_off(redis: Redis, id: str) -> dict[str, Any]:
    """Do what is left of an action; returns {done, skipped, failed: {code: n}} of all of it."""
    ids_key = f"{action_key(id)}:ids"
    record = cast(dict[bytes, bytes], redis.hgetall(action_key(id)))
    if not record or _decide(redis, id, BEGUN) == UNDONE:
        return _result(record)
    verb, owner, total = Verb(record[b"verb"].decode()), record[b"owner"].decode(), int(record[b"total"])
    size = BATCH
    while ids := [records.text(id_) for id_ in cast(list[bytes], redis.lrange(ids_key, -size, -1))]:
        progress(total - redis.llen(ids_key), total, f"{verb} {total:,} jobs", unit="jobs")
        foreign = _foreign(redis, ids, owner)

        def record_it(pipeline: Pipeline, errors: Errors, taken: int = len(ids), foreign: int = len(foreign)) -> None:
            pipeline.ltrim(ids_key, 0, -taken - 1)
            for name, number in _counts(errors, taken, foreign).items():
                pipeline.hincrby(action_key(id), name, number)

        try:
            outcome = act(redis, verb, [id_ for id_ in ids if id_ not in foreign], record_it, watching=[ids_key])
        except WatchError:
            size = max(1, size // 2)  # some are moving just now
            continue
        # in a deep queue each job has to be looked for
        size = max(1, size // 2) if outcome.held > 2 * HELD else min(BATCH, size * 2) if outcome.held < HELD else size
    progress(total, total, unit="jobs")
    return _result(cast(dict[bytes, bytes], redis.hgetall(action_key(id))))


def _foreign(redis: Redis, ids: Sequence[str], owner: str) -> set[str]:
    """Those that belong to somebody else, where only `owner`'s may be acted on."""
    return {id for id, theirs in zip(ids, owners(redis, ids), strict=True) if owner and theirs not in (None, owner)}


def owners(redis: Redis, ids: Sequence[str]) -> list[str | None]:
    """Whose jobs these are; None where there is no such job."""
    with redis.pipeline(transaction=False) as pipeline:
        for id in ids:
            pipeline.hget(state_key(id), "owner")
        return [None if owner is None else records.text(owner) for owner in records.execute(pipeline)]


def _counts(errors: Errors, taken: int, foreign: int) -> dict[str, int]:
    """What is to be added to the action's record."""
    names = ["skipped" if isinstance(error, Conflict) else _code(error) for error in errors.values()]
    counts = {name: names.count(name) for name in names}
    if foreign:
        counts["failed:forbidden"] = foreign
    return {"done": taken - foreign - len(errors), **counts}


def _code(error: Exception) -> str:
    return "failed:not_found" if isinstance(error, NotFound) else "failed:unavailable"


def _result(record: Mapping[bytes, bytes]) -> dict[str, Any]:
    numbers = {name.decode(): int(value) for name, value in record.items() if name not in (b"verb", b"owner", b"fate")}
    failed = {name[7:]: number for name, number in sorted(numbers.items()) if name.startswith("failed:")}
    return {"done": numbers.get("done", 0), "skipped": numbers.get("skipped", 0), "failed": failed}
