"""What has ended in the last minutes and hours: how many, how long they waited and ran, by queue and by task."""

import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from redis import Redis

from workers import records, store, tally
from workers.tally import BUCKETS, FAILED, KINDS, NEVER_RAN, RUN, SPANS, TASKS, WAIT, Span

MOST = 10  # queues, and tasks, that are told of one by one
FIELD_LIMIT = 9  # digits of a field; whatever is longer is none of ours
QUANTILES = {"p50": 0.5, "p95": 0.95}

Name = str | None  # of a queue or a task; None: those that a slice had no room for


class Ends:
    """The ends of one queue or task in one slice."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()  # by kind

    @cached_property
    def ended(self) -> int:
        return self.counts[NEVER_RAN] + sum(count for _, count in self._buckets(RUN))

    @cached_property
    def failed(self) -> int:
        return self.counts[FAILED]

    @cached_property
    def wait(self) -> dict[str, int | None]:
        return self._times(WAIT)

    @cached_property
    def run(self) -> dict[str, int | None]:
        return self._times(RUN)

    def _buckets(self, first: int) -> list[tuple[int, int]]:
        """(bucket, how many), the shortest times first."""
        return sorted((kind - first, count) for kind, count in self.counts.items() if first <= kind < first + BUCKETS)

    def _times(self, first: int) -> dict[str, int | None]:
        """ms, at most 19 % off."""
        buckets = self._buckets(first)
        found: dict[str, int | None] = dict.fromkeys(QUANTILES)
        for name, quantile in QUANTILES.items():
            rank = math.ceil(sum(count for _, count in buckets) * quantile)
            for bucket, count in buckets:
                rank -= count
                if rank <= 0:
                    found[name] = tally.middle(bucket)
                    break
        return found


NONE = Ends()


class Slice:
    """What ended in one slice of time."""

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        queues, tasks = _names(fields, b"q"), _names(fields, b"t")
        self.all, self.queues, self.tasks = Ends(), dict[Name, Ends](), dict[Name, Ends]()
        for field, value in fields.items():
            if not field.isdigit() or len(field) > FIELD_LIMIT:
                continue
            base, kind = divmod(int(field), KINDS)
            queue, task = divmod(base, TASKS)
            for ends in (
                self.all,
                self.queues.setdefault(queues.get(queue), Ends()),
                self.tasks.setdefault(tasks.get(task), Ends()),
            ):
                ends.counts[kind] += records.whole(value)


def _names(fields: Mapping[bytes, bytes], kind: bytes) -> dict[int, str]:
    found = {}
    for field, number in fields.items():
        if field.startswith(kind):
            try:
                found[int(number)] = str(json.loads(field[1:]))
            except (ValueError, RecursionError):
                continue  # no JSON that we have written: its ends are told with the rest
    return found


class History:
    """Reads slices; those that are over are kept, so that each is read once a process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._kept: dict[str, dict[int, Slice]] = {name: {} for name in SPANS}

    def read(self, name: str) -> dict[str, Any]:
        """{span, step, until, at, total, queues, tasks} of the span `name`, a key of SPANS.

        `step` is a slice's length in seconds, `at` when each began (Unix time in seconds), oldest first; the last one
        is still under way at `until`. `total` is {ended: [int…], failed: [int…], wait: {p50: [ms or null…], p95}, run},
        one number a slice; `queues` and `tasks` are lists of the same with {name, rest}: the ten with the most ends,
        and one of which `rest` is true for all others where there are any. Raises RedisError.
        """
        span = SPANS[name]
        until = store.now(self._redis) / 1_000_000
        last = int(until) // span.step * span.step
        at = [last - span.step * ago for ago in range(span.slices - 1, -1, -1)]
        slices = self._slices(span, at)
        return {
            "span": name,
            "step": span.step,
            "until": round(until, 3),
            "at": at,
            "total": _figures([one.all for one in slices]),
            "queues": _rows([one.queues for one in slices]),
            "tasks": _rows([one.tasks for one in slices]),
        }

    def rate(self) -> dict[str, float]:
        """{ended, failed}: jobs a second over the last 15 to 30 s. Raises RedisError."""
        span = SPANS["15m"]
        until = store.now(self._redis) / 1_000_000
        last = int(until) // span.step * span.step
        seconds = until - last + span.step
        slices = self._slices(span, [last - span.step, last])
        return {
            "ended": round(sum(one.all.ended for one in slices) / seconds, 2),
            "failed": round(sum(one.all.failed for one in slices) / seconds, 2),
        }

    def _slices(self, span: Span, at: Sequence[int]) -> list[Slice]:
        """One round trip. The two newest are never kept: one is under way, and the clocks of two Redis may differ."""
        kept = self._kept[span.name]
        found = {start: kept[start] for start in at if start in kept}  # others may read while we do
        wanted = [start for start in at if start not in found]
        with self._redis.pipeline(transaction=False) as pipeline:
            for start in wanted:
                pipeline.hgetall(span.key(start))
            for start, fields in zip(wanted, records.execute(pipeline, {}), strict=True):
                found[start] = Slice(fields)
                time.sleep(0)  # a full one takes 1 ms: others get their turn
        kept |= {start: found[start] for start in at[:-2]}
        for start in [start for start in kept if start < at[-1] - span.step * span.slices]:
            del kept[start]
        return [found[start] for start in at]


def _rows(slices: Sequence[Mapping[Name, Ends]]) -> list[dict[str, Any]]:
    """The ten with the most ends, most first, and one for the rest."""
    totals: Counter[Name] = Counter()
    for one in slices:
        for name, ends in one.items():
            totals[name] += ends.ended
    names = [name for name, _ in sorted(totals.items(), key=_place) if name is not None][:MOST]
    rows = [_row(name, False, [one.get(name, NONE) for one in slices]) for name in names]
    if len(names) < len(totals):
        chosen = set(names)
        rest = [_merged([ends for name, ends in one.items() if name not in chosen]) for one in slices]
        rows.append(_row("other", True, rest))
    return rows


def _place(entry: tuple[Name, int]) -> tuple[int, str]:
    name, ended = entry
    return -ended, name or ""


def _merged(several: Sequence[Ends]) -> Ends:
    if len(several) == 1:
        return several[0]
    merged = Ends()
    for ends in several:
        for kind, count in ends.counts.items():
            merged.counts[kind] += count
    time.sleep(0)
    return merged


def _row(name: str, rest: bool, ends: Sequence[Ends]) -> dict[str, Any]:
    time.sleep(0)
    return {"name": name, "rest": rest, **_figures(ends)}


def _figures(ends: Sequence[Ends]) -> dict[str, Any]:
    return {
        "ended": [one.ended for one in ends],
        "failed": [one.failed for one in ends],
        "wait": {quantile: [one.wait[quantile] for one in ends] for quantile in QUANTILES},
        "run": {quantile: [one.run[quantile] for one in ends] for quantile in QUANTILES},
    }
