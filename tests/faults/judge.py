"""Compares what is shown with what is true."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from tests.faults.view import Browser, View
from tests.faults.world import World
from workers import store
from workers.lifecycle import TrackedJob
from workers.store import Stored
from workers.wire import Status

LOOK = 0.25  # seconds between two looks
LIE = 5.0  # seconds after which a page that shows an old state as live lies
DEAD = 2.0 + LIE  # seconds after its death in which a worker's job must be called lost: its heartbeat was due after 2

Truth = dict[str, Stored]


class Judge:
    """Looks at every client now and then, as long as schedules are played."""

    def __init__(self, world: World, browsers: Sequence[Browser]) -> None:
        self._world = world
        self._browsers = browsers
        self.redis = world.redis()
        self._looked_at = 0.0
        self._suspects: set[str] = set()
        self._history: deque[tuple[float, list[dict[str, int]]]] = deque()  # versions by browser, as they were when
        self._dead: dict[str, float] = {}  # worker → when it was first missed
        self.quiet_since: float | None = None  # None: a fault is under way
        self.lies: list[str] = []

    def close(self) -> None:
        self.redis.close()

    # -- while time goes by

    def look(self) -> None:
        """Note who shows as live what has been false for too long; seen twice in a row, since a page takes a moment."""
        if time.monotonic() - self._looked_at < LOOK:
            return
        self._looked_at = time.monotonic()
        try:
            truths = [truth(self.redis, browser.owner) for browser in self._browsers]
        except RedisError:
            return  # nothing moves while Redis is away
        pasts = self._past(truths)
        suspects = {
            suspect
            for browser, rows, past in zip(self._browsers, truths, pasts, strict=True)
            for view in browser.look()
            if view.live
            for suspect in (*_old(view, rows, past), *self._dead_shown(view, rows))
        }
        self.lies += sorted(suspects & self._suspects)
        self._suspects = suspects

    def _past(self, truths: Sequence[Truth]) -> list[dict[str, int]]:
        """The versions of LIE seconds ago; of a job that moves all the time only these tell how old a page is."""
        now = time.monotonic()
        self._history.append((now, [{id: row.state.version for id, row in rows.items()} for rows in truths]))
        while len(self._history) > 1 and self._history[1][0] <= now - LIE:
            self._history.popleft()
        oldest, versions = self._history[0]
        return versions if oldest <= now - LIE else [{} for _ in truths]

    def _dead_shown(self, view: View, rows: Truth) -> list[str]:
        """Jobs that are shown as running though their worker has been dead for too long."""
        now, pids = time.monotonic(), self._world.pids()
        found = []
        for id, row in rows.items():
            worker = row.state.worker
            if row.state.status != Status.STARTED or worker is None or _pid(worker) in pids:
                continue
            missed = self._dead.setdefault(worker, now)
            if self.quiet_since is not None and now - max(missed, self.quiet_since) > DEAD and id in view.versions:
                found.append(f"{view.name}: {id} runs on {worker}, which is dead")
        return found

    # -- in the end

    def wrong(self) -> list[str]:
        """Who does not show the truth at this moment, and what instead. Raises RedisError."""
        return [word for browser in self._browsers for word in self._wrong(browser)]

    def _wrong(self, browser: Browser) -> list[str]:
        # what moves in between may be shown as it was before or after
        before = truth(self.redis, browser.owner)
        views = browser.look()
        after = truth(self.redis, browser.owner)
        found = []
        for view in views:
            if not view.live:
                found.append(f"{view.name} is not live")
            for id in before.keys() | after.keys() | view.versions.keys():
                low = before[id].state.version if id in before else 0
                high = after[id].state.version if id in after else 0
                if not min(low, high) <= view.versions.get(id, 0) <= high:
                    found.append(f"{view.name} shows {id} at {view.versions.get(id, 0)}, not {low} to {high}")
        return found

    def not_ended(self) -> list[str]:
        return [
            f"{row.state.id} is {row.state.status}"
            for browser in self._browsers
            for row in truth(self.redis, browser.owner).values()
            if not row.state.ended
        ]

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Jobs that were accepted and are no more, or are not what RQ says."""
        found = []
        for id, row in zip(ids, store.load_many(self.redis, ids), strict=True):
            rqs = cast(bytes, self.redis.hget(TrackedJob.key_for(id), "status") or b"").decode()
            if row is None or row.state.status != rqs:
                found.append(f"{id} is {row.state.status if row else 'gone'}, and {rqs or 'gone'} in RQ")
        return found

    def ends(self) -> tuple[int, list[str], list[str]]:
        """How many ends there were, those that were not told, and those that were told twice."""
        count, lost, twice = 0, [], []
        for browser in self._browsers:
            told = browser.told()
            rows = truth(self.redis, browser.owner).values()
            expected = {(row.state.id, row.state.attempt) for row in rows if row.state.ended}
            count += len(expected)
            lost += [f"{id} attempt {attempt}" for id, attempt in expected - told.keys()]
            twice += [f"{id} attempt {attempt}: {times} times" for (id, attempt), times in told.items() if times > 1]
        return count, sorted(lost), sorted(twice)


def truth(redis: Redis, owner: str) -> Truth:
    """The newest state of each job of `owner`."""
    return {row.state.id: row for row in store.snapshot(redis, f"owner:{owner}")[0]}


def _old(view: View, rows: Mapping[str, Stored], past: Mapping[str, int]) -> list[str]:
    return [
        f"{view.name}: {id}, by now {rows[id].state.status}, is shown as it was more than {LIE:g} s ago"
        for id, version in past.items()
        if id in rows and view.versions.get(id, 0) < version
    ]


def _pid(worker: str) -> int:
    return int(worker.split(".")[-2])  # <queue>.<pid>.<random>
