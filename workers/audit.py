"""The audit log: who did what to which jobs, queues and workers; the newest 10,000 entries.

Each is a line of the log, too. An entry is written after the act, with its result. One that Redis does not take fails
no act that is done: its line is still there, and another says that it was not kept. Whoever must keep all of them
keeps the log.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from redis import Redis
from redis.exceptions import RedisError

from workers.terminal import visible
from workers.wire import encode

KEY: Final = "headway:audit"  # a stream
LIMIT: Final = 10_000  # entries, about
IDS_LIMIT: Final = 20  # ids that one entry names

log = logging.getLogger("headway.audit")


@dataclass(frozen=True, slots=True)
class Entry:
    who: str  # operator, viewer, or the beginning of an owner's id; '' for a program that nobody knows
    what: str
    which: Mapping[str, Any]  # what it was done to
    result: str  # ok, or the error's code


def write(redis: Redis, entry: Entry) -> None:
    """Never raises: what was done was done."""
    text = encode(asdict(entry))
    log.info("%s", visible(text))
    try:
        redis.xadd(KEY, {"entry": text}, maxlen=LIMIT, approximate=True)
    except RedisError as error:
        log.error("not kept in Redis, this line is all there is: %s: %s", visible(text), error)


def read(redis: Redis, before: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """Up to `limit` entries, newest first: [{at: ms, who, what, which, result}]; and where to go on, None: nowhere."""
    found = cast(Any, redis.xrevrange(KEY, max=f"({before}" if before else "+", count=limit + 1))
    entries = [{"at": int(id.partition(b"-")[0]), **json.loads(fields[b"entry"])} for id, fields in found[:limit]]
    return entries, found[limit - 1][0].decode() if len(found) > limit else None
