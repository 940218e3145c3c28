"""The completion inbox: the ends that an owner has not been told of yet. The script fills it, `seen` empties it."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

from workers import records
from workers.errors import WireError
from workers.script import INBOX_LIMIT
from workers.wire import decode_state, inbox_key


@dataclass(frozen=True, slots=True)
class Inbox:
    bodies: tuple[str, ...]  # states as JSON, oldest end first
    more: int  # older ends that are only counted; gone once all that is listed has been seen

    def __bool__(self) -> bool:
        return bool(self.bodies or self.more)


def read(redis: Redis, owner: str) -> Inbox:
    """The unseen ends of `owner`: the newest 1,000 one by one, more as a number. One round trip."""
    key = inbox_key(owner)
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.zrange(key, 0, INBOX_LIMIT - 1)
        pipeline.hgetall(f"{key}:states")
        pipeline.get(f"{key}:more")
        entries, states, more = records.execute(pipeline)
    told = [states[entry] for entry in entries or () if entry in (states or {})]
    return Inbox(_readable(owner, told), records.whole(more))


def unseen(redis: Redis, owner: str, entries: Sequence[str]) -> list[str]:
    """The states, as JSON, of those of `entries`, "<id> <attempt>" each, that are in the inbox."""
    if not entries:
        return []
    found = records.ask(lambda: redis.hmget(f"{inbox_key(owner)}:states", list(entries)), [])
    return list(_readable(owner, [body for body in found if body is not None]))


def _readable(owner: str, bodies: Sequence[bytes]) -> tuple[str, ...]:
    """Those that are states: one that is none would make the whole message unreadable."""
    found = []
    for body in bodies:
        try:
            decode_state(body)
            found.append(body.decode())
        except (WireError, ValueError) as error:
            records.say(inbox_key(owner), str(error))
    return tuple(found)


def forget(redis: Redis, owner: str, ends: Sequence[tuple[str, int]]) -> None:
    """Take `ends`, (id, attempt) each, out of the inbox: they have been seen."""
    if not ends:
        return
    key = inbox_key(owner)
    entries = [f"{id} {attempt}" for id, attempt in ends]
    with redis.pipeline() as pipeline:
        pipeline.zrem(key, *entries)
        pipeline.hdel(f"{key}:states", *entries)
        pipeline.zcard(key)
        left = records.execute(pipeline)[-1]
    if not left:
        # who has seen all that is listed has seen the number too
        redis.delete(f"{key}:more")
