"""What has ended in the last minutes and hours: how many, how long they waited and ran, by queue and by task."""

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from redis import Redis

from workers import store, tally
from workers.tally import BUCKETS, FAILED, KINDS, NEVER_RAN, RUN, SPANS, TASKS, WAIT, Span

MOST = 10  # queues, and tasks, that are told of one by one
QUANTILES = {"p50": 0.5, "p95": 0.95}
YIELD_EVERY = 8  # slices after which others get their turn

Name = str | None  # of a queue or a task; None: those that a slice had no room for


class Ends:
    """The ends of one queue or task in one slice."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()  # by kind

    @cached_property
    def ended(self) -> int:
        return self.counts[NEVER_RAN] + sum(self._buckets(RUN))

    @cached_property
    def failed(self) -> int:
        return self.counts[FAILED]

    @cached_property
    def wait(self) -> dict[str, int | None]:
        return self._times(WAIT)

    @cached_property
    def run(self) -> dict[str, int | None]:
        return self._times(RUN)

    def _buckets(self, first: int) -> list[int]:
        return [self.counts[first + bucket] for bucket in range(BUCKETS)]

    def _times(self, first: int) -> dict[str, int | None]:
        """ms, at most 19 % off."""
        buckets = self._buckets(first)
        found: dict[str, int | None] = dict.fromkeys(QUANTILES)
        for name, quantile in QUANTILES.items():
            rank = math.ceil(sum(buckets) * quantile)
            for bucket, count in enumerate(buckets):
                rank -= count
                if count and rank <= 0:
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
            if not field.isdigit():
                continue
            base, kind = divmod(int(field), KINDS)
            queue, task = divmod(base, TASKS)
            for ends in (
                self.all,
                self.queues.setdefault(queues.get(queue), Ends()),
                self.tasks.setdefault(tasks.get(task), Ends()),
            ):
                ends.counts[kind] += int(value)


def _names(fields: Mapping[bytes, bytes], kind: bytes) -> dict[int, str]:
    found = {}
    for field, number in fields.items():
        if field.startswith(kind):
            try:
                found[int(number)] = str(json.loads(field[1:]))
            except ValueError:
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
        is still under way at `until`. `total` is {ended: [int…], failed: [int…]}, one number a slice; `queues` and
        `tasks` are [{name, rest, ended, failed, wait: {p50: [ms or null…], p95}, run}], the ten with the most ends,
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
            "total": {"ended": [one.all.ended for one in slices], "failed": [one.all.failed for one in slices]},
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
        wanted = [start for start in at if start not in kept]
        with self._redis.pipeline(transaction=False) as pipeline:
            for start in wanted:
                pipeline.hgetall(span.key(start))
            read = {}
            for number, (start, fields) in enumerate(zip(wanted, pipeline.execute(), strict=True), 1):
                read[start] = Slice(fields)
                if number % YIELD_EVERY == 0:
                    time.sleep(0)
        found = [kept[start] if start in kept else read[start] for start in at]
        kept |= {start: one for start, one in read.items() if start < at[-1] - span.step}
        for start in [start for start in kept if start < at[-1] - span.step * span.slices]:
            del kept[start]
        return found


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
        rest = [_merged(ends for name, ends in one.items() if name not in chosen) for one in slices]
        rows.append(_row("other", True, rest))
    return rows


def _place(entry: tuple[Name, int]) -> tuple[int, str]:
    name, ended = entry
    return -ended, name or ""


def _merged(several: Iterable[Ends]) -> Ends:
    merged = Ends()
    for ends in several:
        merged.counts.update(ends.counts)
    return merged


def _row(name: str, rest: bool, ends: Sequence[Ends]) -> dict[str, Any]:
    return {
        "name": name,
        "rest": rest,
        "ended": [one.ended for one in ends],
        "failed": [one.failed for one in ends],
        "wait": {quantile: [one.wait[quantile] for one in ends] for quantile in QUANTILES},
        "run": {quantile: [one.run[quantile] for one in ends] for quantile in QUANTILES},
    }
