"""Says which workers are silent, has RQ judge them, and mends what our states and RQ's disagree on.

Every web process has one; a lock in Redis lets one of them sweep, and another take over within 2 s of its death.
Whoever holds it does the other chores that must have one hand.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import cast
from uuid import uuid4

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

from workers import records, store
from workers.abandoned import abandon
from workers.comparison import STRANDED, Difference, differences
from workers.heartbeats import Heartbeats, Silence
from workers.legacy import Legacy
from workers.mending import Mender
from workers.naming import Naming
from workers.orphans import Orphans
from workers.ours import Ours
from workers.popped import Popped
from workers.vanished import Vanished
from workers.verdict import HEARTBEAT, over
from workers.wire import JobState, Status, index_key

INTERVAL = 0.5  # seconds between two looks at heartbeats
SILENCE = 2.1 * HEARTBEAT  # seconds without a heartbeat after which a worker is called silent: it has missed two
COMPARE_INTERVAL = 3.0  # seconds between two comparisons with RQ; what differs is looked at again after 1 s
SLOWEST = 5.0  # seconds between them where there is so much to compare that it takes Redis a while
SHARE = 10  # times as long as a comparison took until the next one begins
TURN = 0.2  # seconds of comparing, after which heartbeats are heard again
HELD_UP = HEARTBEAT / 2  # seconds that a sweep may take and yet have kept no worker from being heard in time
LOCK = "headway:sweeper"
LOCK_TTL = 2000  # ms; longer than INTERVAL, and soon over when its holder dies
NAMING = Naming()
VERDICT = 30.0  # seconds that a worker may be silent before its job is judged, where nobody says otherwise
SLICE = 200  # jobs read in one round trip

# makes a transaction one that is done only by who holds the lock; False: we don't
Hold = Callable[[Pipeline], bool]

log = logging.getLogger("headway.sweeper")


class Sweeper:
    def __init__(
        self,
        redis: Redis,
        queues: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        naming: Naming = NAMING,
        tasks: Container[str] = (),
        verdict: float = VERDICT,
        on_lost: Callable[[], None] = lambda: None,
        chores: Sequence[Callable[[Hold], None]] = (),
    ) -> None:
        self._redis = redis
        shared = naming.shared(queues)
        # where a queue's jobs stand in RQ: under its name there, and under its old one
        self._places = {queue: dict.fromkeys((naming.in_rq(queue), *({queue} & set(shared)))) for queue in queues}
        self._queues = tuple(dict.fromkeys(name for places in self._places.values() for name in places))
        self._clock = clock
        self._on_lost = on_lost
        self._chores = chores
        self._token = uuid4().hex
        self._popped = Popped(redis, clock=clock, patience=2 * SILENCE)
        self._orphans = Orphans(redis, clock=clock, patience=verdict)
        ours = Ours(redis, tasks)
        self._heartbeats = Heartbeats(redis, self._queues, clock=clock, patience=SILENCE, ours=ours, shared=shared)
        old = {name: naming.in_rq(name) for name in shared if naming.in_rq(name) != name}
        self._legacy = Legacy(redis, old, ours, clock=clock)
        self._mender = Mender(redis, clock=clock)
        self._vanished = Vanished(redis)
        self._compared_at = clock()
        self._spent = 0.0  # seconds that the last comparison took
        self._comparing: Iterator[Sequence[Difference]] | None = None
        self._listed: Counter[str] = Counter()  # queue → how many that we call queued have been seen there
        self._different: dict[str, str] = {}  # job → how it differs from RQ, as far as has been compared

    def run(self) -> None:
        """Sweep, for ever."""
        rested_from = self._clock()
        while True:
            if self._clock() - rested_from > SILENCE / 2:
                self._forget()  # we were held up ourselves: who could not be heard is not silent
            began = self._clock()
            try:
                # all listen, so that whoever takes over from a dead process knows at once who is silent
                silent = self._listen()
                if self._holds_lock():
                    self._act(silent)
                    for chore in self._chores:
                        chore(self.hold)
                else:
                    self._legacy.move()  # a process of the release before may hold the lock, which brings nothing along
            except RedisError as error:
                log.warning("not swept: %s", error)
                self._forget()
            except Exception:  # whatever one job looks like: the others are swept on
                log.exception("not swept")
            rested_from = self._clock()
            if rested_from - began > HELD_UP:
                self._excuse(rested_from - began)
            time.sleep(INTERVAL)

    def sweep(self) -> None:
        """One look at every running job; and, every 3 to 5 s, at every job that has not ended. Raises RedisError."""
        self._act(self._listen())

    def _listen(self) -> dict[str, Silence]:
        """Which running jobs' workers are silent, by queue."""
        silent, popped = self._heartbeats.listen()
        self._popped.look(popped)
        return silent

    def _act(self, silent: Mapping[str, Silence]) -> None:
        lost = self._lost() if any(silent.values()) else frozenset()
        steps: list[Callable[[], None]] = []
        for queue in self._queues:
            steps += [partial(self._mark_silent, silent[queue], lost), partial(self._judge, queue, silent[queue])]
        steps += [partial(self._popped.put_back, silent), self._legacy.mark, self._legacy.move]
        if self._mender.has_suspects:
            steps.append(self._mender.look_again)
        if self._comparing is None and self._is_due:
            self._compared_at, self._spent = self._clock(), 0.0
            steps.append(self._take_turn)
        elif self._comparing is not None:
            steps.append(self._take_turn)
        for step in steps:
            try:
                step()
            except Exception as error:  # whatever it has met: the other steps are done
                if records.is_away(error):
                    raise
                if records.is_wrong_type(error):
                    log.warning("not swept: %s", error)
                else:
                    log.exception("not swept")

    def _forget(self) -> None:
        self._heartbeats.forget()
        self._popped.forget()
        self._orphans.forget()
        self._comparing = None

    def _excuse(self, seconds: float) -> None:
        """Count nobody's silence while Redis hung, or we worked for so long that it may have."""
        self._heartbeats.excuse(seconds)
        self._popped.excuse(seconds)

    def _holds_lock(self) -> bool:
        if self._redis.get(LOCK) == self._token.encode():
            return bool(self._redis.pexpire(LOCK, LOCK_TTL))
        return bool(self._redis.set(LOCK, self._token, nx=True, px=LOCK_TTL))

    def hold(self, pipeline: Pipeline) -> bool:
        """Whether we hold the lock. Its transaction will be done only if we still do by then: else WatchError."""
        pipeline.watch(LOCK)
        return bool(pipeline.get(LOCK) == self._token.encode())

    # -- silence

    def _lost(self) -> frozenset[str]:
        ids = cast(list[bytes], self._redis.zrange(index_key("all", Status.LOST), 0, -1))
        return frozenset(map(records.text, ids))

    def _mark_silent(self, silent: Silence, lost: Collection[str]) -> None:
        """Call jobs lost whose worker is silent, and started again those whose worker has been heard.

        Only these are read: of thousands that run, most are neither.
        """
        moved = [id for id, is_silent in silent.items() if (not is_silent if id in lost else is_silent)]
        for start in range(0, len(moved), SLICE):
            for stored in store.load_many(self._redis, moved[start : start + SLICE]):
                if stored is not None:
                    self._mark(stored.state, silent[stored.state.id])
            time.sleep(0)

    def _mark(self, state: JobState, is_silent: bool | None) -> None:
        if state.status == Status.STARTED and is_silent:
            log.warning("%s: worker %s is silent", state.id, state.worker)
            if store.mark(self._redis, state.id, state.attempt, Status.LOST):
                self._on_lost()
        elif state.status == Status.LOST and is_silent is False:
            log.info("%s: worker %s is back", state.id, state.worker)
            store.mark(self._redis, state.id, state.attempt, Status.STARTED)

    def _judge(self, queue: str, silent: Silence) -> None:
        """Have RQ fail, or retry, the jobs whose workers have been silent for too long."""
        due = over(self._redis, self._heartbeats, queue, silent, unheard=True)
        records.each(lambda part: abandon(self._redis, queue, part[0], due[part[0]]), list(due))

    # -- comparison

    @property
    def _is_due(self) -> bool:
        return self._clock() - self._compared_at >= min(max(COMPARE_INTERVAL, SHARE * self._spent), SLOWEST)

    def _take_turn(self) -> None:
        began = self._clock()
        self._compare()
        self._spent += self._clock() - began

    def _compare(self) -> None:
        """Begin to compare, or go on where there was no time for all."""
        if self._comparing is None:
            self._listed, self._different = Counter(), {}
            self._comparing = chain(differences(self._redis, self._queues, self._listed), self._vanished.look())
        comparing, self._comparing = self._comparing, None  # begun anew if it fails
        began = self._clock()
        for part in comparing:
            self._different.update((id, f"{ours} {rqs}") for id, ours, rqs in part)
            if self._clock() - began >= TURN:
                self._comparing = comparing  # heartbeats are to be heard meanwhile
                return
            time.sleep(0)
        self._judge_orphans()
        self._mender.suspect(self._different)

    def _judge_orphans(self) -> None:
        stranded = {id for id, difference in self._different.items() if difference.endswith(f" {STRANDED}")}
        self._orphans.started(stranded)
        for id in stranded:
            del self._different[id]
        for queue, places in self._places.items():
            lists = [f"rq:queue:{name}" for name in places]
            self._orphans.count(queue, lists, sum(self._listed[name] for name in places))
        self._orphans.judge()
