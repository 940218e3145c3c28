"""The only Redis code for states: publish, load, load_many, snapshot."""

import functools
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis import BlockingConnectionPool, Redis, ResponseError
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.commands.core import Script
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from workers import records, trouble
from workers.database import channel_of
from workers.endurance import Endurance
from workers.errors import WireError
from workers.script import SCRIPT
from workers.wire import (
    ACTIVE,
    ENDED,
    FIELDS,
    RUNNING,
    JobState,
    Status,
    attempts_key,
    decode_state,
    encode,
    encode_state,
    index_key,
    is_job_id,
    state_key,
    unreadable,
)

SNAPSHOT_LIMIT = 1000  # states in the snapshot of a list topic
SNAPSHOT_ENDED = 200  # of which have ended, at the most
POOL_SIZE = 20  # connections of a shared client
POOL_WAIT = 2  # seconds for one of them to become free
BODY_LIMIT = 64 * 1024  # bytes of a state; ours have at most some 10 KB
FARTHEST = float(2**63)  # the order of no job; who writes ±inf into an index is shown nothing of it
# in the place of a time: that of the step itself, by Redis's clock, of which all machines have the same one
NOW = object()
log = logging.getLogger("headway.store")
NO_HASH = (b"",) * (len(FIELDS) + 2)  # what is read where the state of a job is a key of another type
FULL = 0.9  # of maxmemory, from which on nothing new is taken


@dataclass(frozen=True, slots=True)
class Stored:
    """A state as it lies in Redis, its JSON body ready to send, and who owns it."""

    state: JobState
    owner: str
    order: int  # µs; the place in lists, unique and growing with each new job
    body: str


@functools.cache
def _script() -> Script:
    # bytes, so that Script needs no client to compute the SHA of its text
    return Script(cast(Any, None), SCRIPT.encode())


def transition(
    connection: Redis | Pipeline,
    id: str,
    fields: Mapping[str, Any],
    *,
    owner: str = "",
    fallback: Mapping[str, Any] | None = None,
) -> Any:
    """Write what RQ says of a job, and publish it, in one step; never refused but after a delete.

    In a pipeline it becomes part of that pipeline's MULTI. `fallback` holds fields that count only where no
    state is stored yet. A time may be `NOW`: it stays what it was where the status does. Returns the script's reply
    (nothing of use in a pipeline).
    """
    return _run(connection, "transition", id, fields, owner=owner, fallback=fallback or {})


def report(connection: Redis, id: str, attempt: int, fields: Mapping[str, Any]) -> bool:
    """Write a job's progress and publish it. False where it was refused: another attempt, ended or unknown."""
    reply = _run(connection, "progress", id, fields, attempt=str(attempt))
    return bool(reply[0] in (b"written", b"unchanged"))


def mark(connection: Redis, id: str, attempt: int, status: Status) -> bool:
    """Call a started job lost, or a lost one started again; False where it has moved on since."""
    reply = _run(connection, "mark", id, {"status": status}, attempt=str(attempt))
    return bool(reply[0] == b"written")


def bury(connection: Redis | Pipeline, id: str) -> Any:
    """Leave a tombstone in the place of a job's state and tell it as gone."""
    return _run(connection, "delete", id, {})


def _run(
    connection: Redis | Pipeline,
    what: str,
    id: str,
    fields: Mapping[str, Any],
    *,
    owner: str = "",
    attempt: str = "",
    fallback: Mapping[str, Any] | None = None,
) -> Any:
    given = [*(fallback or {}).items(), *fields.items()]
    pairs: list[str] = [part for name, value in given for part in (name, "now" if value is NOW else encode(value))]
    arguments: list[str | int] = [what, id, owner, attempt, len(fallback or {}), channel_of(connection), *pairs]
    reply = _script()([state_key(id)], arguments, client=connection)
    if isinstance(reply, list) and reply[0] == b"error":  # read-only or full: not done, and another time it may be
        raise ResponseError(reply[1].decode(errors="replace"))
    return reply


def attempt_of(connection: Redis, id: str) -> int | None:
    """The current attempt; None where the job is unknown."""
    attempt = records.ask(lambda: connection.hget(state_key(id), "attempt"), None)
    return records.whole(attempt) or None


def load(connection: Redis, id: str) -> Stored | None:
    return load_many(connection, [id])[0]


def load_many(connection: Redis, ids: Sequence[str]) -> list[Stored | None]:
    """The states of `ids` in one round trip; None where nothing, or a tombstone, is stored.

    One that can't be read is `unreadable`: it must not hide the others.
    """
    known = [id for id in ids if is_job_id(id)]
    if not known:
        return [None] * len(ids)
    with connection.pipeline(transaction=False) as pipeline:
        for id in known:
            pipeline.hmget(state_key(id), (*FIELDS, "owner", "order"))
        rows = dict(zip(known, records.execute(pipeline, NO_HASH), strict=True))
    return [_stored(id, rows[id]) if id in rows else None for id in ids]


def now(connection: Redis) -> int:
    """Redis's clock in µs, which versions are made of."""
    seconds, micros = connection.time()
    return seconds * 1_000_000 + micros


def _stored(id: str, row: Sequence[bytes | None]) -> Stored | None:
    *fields, owner, order = row
    if not any(field is not None for name, field in zip(FIELDS, fields, strict=True) if name != "version"):
        return None  # a tombstone has a version
    try:
        if sum(map(len, filter(None, fields))) > BODY_LIMIT:
            raise WireError(f"expected a state of at most {BODY_LIMIT} bytes")
        texts = [field.decode() for field in fields if field is not None]
        body = "{" + ",".join(f'"{name}":{json}' for name, json in zip(FIELDS, texts, strict=True)) + "}"
        state = decode_state(body)
        if state.id != id:
            raise WireError(f"expected the state of this job, got that of {state.id[:80]!r}")
        return Stored(state, (owner or b"").decode(), int(order or b""), body)
    except (ValueError, WireError) as error:
        records.say(state_key(id), str(error))
    state = unreadable(id, records.whole(fields[FIELDS.index("version")]) or 1)  # clients take none for older than any
    return Stored(state, records.text(owner), records.whole(order), encode_state(state))


def attempts(connection: Redis, id: str) -> list[str]:
    """The attempts before the current one, oldest first, each as JSON."""
    found = records.ask(lambda: connection.lrange(attempts_key(id), 0, -1), [])
    return [records.text(entry) for entry in found]


def snapshot(connection: Redis, scope: str) -> tuple[list[Stored], bool]:
    """All jobs of `scope` that have not ended and its newest ended ones, newest first; and whether there are more.

    Two round trips, whatever the number of jobs.
    """
    found = _entries(connection, scope, Status, SNAPSHOT_LIMIT + 1)
    running = _merged(found, RUNNING)
    # what runs comes before what waits: ten thousand queued jobs must not hide the two that move
    active = (running + _merged(found, ACTIVE - RUNNING))[: SNAPSHOT_LIMIT + 1]
    ended = _merged(found, ENDED)
    chosen = active[:SNAPSHOT_LIMIT]
    room = min(SNAPSHOT_ENDED, SNAPSHOT_LIMIT - len(chosen))
    more = len(active) > SNAPSHOT_LIMIT or len(ended) > room
    return present(connection, scope, [id for _, id in sorted([*chosen, *ended[:room]], reverse=True)]), more


Entries = dict[Status, list[tuple[int, str]]]


def _entries(connection: Redis, scope: str, statuses: Iterable[Status], limit: int) -> Entries:
    """The newest `limit` entries of each index, read in one step: a job that moves is in one of them."""
    wanted = list(statuses)
    with connection.pipeline() as pipeline:
        for status in wanted:
            pipeline.zrange(index_key(scope, status), 0, limit - 1, desc=True, withscores=True)
        parts = records.execute(pipeline, ())
    return {
        status: [(int(order), records.text(id)) for id, order in part if abs(order) < FARTHEST]
        for status, part in zip(wanted, parts, strict=True)
    }


def _merged(found: Entries, statuses: Iterable[Status]) -> list[tuple[int, str]]:
    return sorted((entry for status in statuses for entry in found[status]), reverse=True)


def present(connection: Redis, scope: str, ids: Sequence[str]) -> list[Stored]:
    """The states of `ids`; ids whose state has expired are taken out of the scope's indexes on the way."""
    rows = load_many(connection, ids)
    forget(connection, scope, [id for id, row in zip(ids, rows, strict=True) if row is None])
    return [row for row in rows if row is not None]


def forget(connection: Redis, scope: str, ids: Sequence[str]) -> None:
    """Take `ids` out of the indexes of `scope`: their states have expired."""
    if ids:
        with connection.pipeline(transaction=False) as pipeline:
            for status in Status:
                pipeline.zrem(index_key(scope, status), *ids)
            records.execute(pipeline)


def connect(url: str, *, enduring: bool = False, shared: bool = False, **options: Any) -> Redis:
    """A client for `url`: `from_url` has no retries and no time-outs of its own, so they are chosen here.

    Nothing is tried twice: a time-out says nothing of whether the command was done, and a submit that is done twice
    runs twice (a connection that has been closed is noticed before it is used). `enduring` is for workers: it
    waits, however long, until Redis is back and takes writes, since a job that has run must be able to say so.
    `shared` is for many at once: who finds no connection free waits for one.
    """
    retry = Endurance() if enduring else Retry(NoBackoff(), 0)
    chosen: dict[str, Any] = {"socket_connect_timeout": 2.0, "socket_timeout": 2.0, "retry": retry}
    # with them redis-py takes a connection that the server has closed for one with news of maintenance to read, where
    # it has no poll(): under eventlet. The first command after a silence would fail
    chosen["maint_notifications_config"] = MaintNotificationsConfig(enabled=False)
    if not shared:
        return Redis.from_url(url, **chosen | options)
    pool = BlockingConnectionPool.from_url(url, max_connections=POOL_SIZE, timeout=POOL_WAIT, **chosen | options)
    return Redis.from_pool(pool)


def is_nearly_full(connection: Redis) -> bool:
    """Whether so much of Redis's memory is used that ends may soon not fit; never where it has no limit."""
    return memory_share(connection) >= FULL


@functools.cache
def _say_once(why: str) -> None:
    log.warning("how full Redis is can't be seen, so it is not looked at: %s", why)


def memory_share(connection: Redis) -> float:
    """How much of maxmemory is used, 1.0 = all of it; 0 where Redis has no limit, or keeps that to itself."""
    try:
        memory = connection.info("memory")
    except ResponseError as error:  # a managed server may keep INFO to itself: it refuses what does not fit
        _say_once(trouble.words_of(error))
        return 0.0
    limit = memory.get("maxmemory") or 0
    return float(memory.get("used_memory", 0) / limit) if limit > 0 else 0.0
