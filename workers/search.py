"""Finding jobs among very many: a script in Redis looks at a slice of the indexes, as often as it takes.

A slice takes a few ms, whatever is asked for: Redis serves others between two of them, and so does who asks.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from redis import Redis

from workers import records, slices, store
from workers.query import Query
from workers.slices import SLICE, Pace, Slice
from workers.store import Stored
from workers.wire import Status, index_key

PATIENCE: Final = 2.0  # seconds of looking after which a page, or a count, is what it is by then
SCAN: Final = 10_000  # entries of an index that one ZSCAN compares


@dataclass(frozen=True, slots=True)
class Count:
    by_status: dict[Status, int]
    more: bool  # whether there was no time to look at all


def page(
    redis: Redis, scope: str, query: Query, *, before: int | None, limit: int, patience: float = PATIENCE
) -> tuple[list[Stored], int | None]:
    """Up to `limit` jobs of `scope` that fit, newest first, older than `before`; and where to go on, None at the end.

    A page may be short and still go on: after `patience` seconds it is what it is.
    """
    query = _beyond(scope, query)
    if (beginning := query.id_alone) is not None:
        return _page_by_id(redis, scope, query, beginning, before, limit)
    ends = time.monotonic() + patience
    pace = Pace()
    found: list[Stored] = []
    while True:
        part = _look(redis, scope, query, before, limit - len(found), pace)
        found += store.present(redis, scope, part.ids)
        before = part.before
        if before is None or len(found) >= limit or time.monotonic() >= ends:
            return found, before
        time.sleep(0)


def _page_by_id(
    redis: Redis, scope: str, query: Query, beginning: str, before: int | None, limit: int
) -> tuple[list[Stored], int | None]:
    orders = {id: order for id, (_, order) in _begin_with(redis, scope, query, beginning).items()}
    fit = sorted((id for id, order in orders.items() if before is None or order < before), key=orders.__getitem__)
    chosen = fit[: -limit - 1 : -1]
    return store.present(redis, scope, chosen), orders[chosen[-1]] if len(fit) > limit else None


def _begin_with(redis: Redis, scope: str, query: Query, beginning: str) -> dict[str, tuple[Status, int]]:
    """Id → its status and order, of the ids that begin so.

    Redis itself compares ids many times faster than a script, as long as order does not matter.
    """
    pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", beginning) + "*"
    found: dict[str, tuple[Status, int]] = {}
    for status in slices.ordered(query):  # as jobs go through them: one that moves meanwhile is met again
        scan = redis.zscan_iter(index_key(scope, status), match=pattern, count=SCAN)
        for id, order in records.ask(partial(list, scan), []):
            if abs(order) < store.FARTHEST:
                found[records.text(id)] = status, int(order)
    return found


def ids(redis: Redis, scope: str, query: Query) -> Iterator[list[str]]:
    """The ids of all jobs of `scope` that fit, newest first, slice by slice."""
    query = _beyond(scope, query)
    pace = Pace()
    before: int | None = None
    while True:
        part = _look(redis, scope, query, before, SLICE, pace)
        if part.ids:
            yield part.ids
        before = part.before
        if before is None:
            return
        time.sleep(0)


def count(redis: Redis, scope: str, query: Query, *, patience: float = PATIENCE) -> Count:
    """How many jobs of `scope` fit, by status. One round trip where nothing is asked for but statuses and its queue."""
    query = _beyond(scope, query)
    statuses = slices.ordered(query)
    if query.is_plain:
        with redis.pipeline(transaction=False) as pipeline:
            for status in statuses:
                pipeline.zcard(index_key(scope, status))
            return Count(dict(zip(statuses, records.execute(pipeline, 0), strict=True)), more=False)
    if (beginning := query.id_alone) is not None:
        found = [status for status, _ in _begin_with(redis, scope, query, beginning).values()]
        return Count({status: found.count(status) for status in statuses}, more=False)
    ends = time.monotonic() + patience
    total = dict.fromkeys(statuses, 0)
    pace = Pace()
    before: int | None = None
    while True:
        part = _look(redis, scope, query, before, 0, pace)
        total = {status: total[status] + part.counts[status] for status in statuses}
        before = part.before
        if before is None or time.monotonic() >= ends:
            return Count(total, more=before is not None)
        time.sleep(0)


def _beyond(scope: str, query: Query) -> Query:
    """What is asked for beyond what all of `scope` have: the queue of each of its jobs would be read in vain."""
    queue = query.only("queue")
    return query if queue is None or scope != f"queue:{queue}" else query.without("queue")


def _look(redis: Redis, scope: str, query: Query, before: int | None, most: int, pace: Pace) -> Slice:
    part = slices.look(redis, scope, query, before, most, pace)
    store.forget(redis, scope, part.expired)
    return part
