"""One seeded schedule: jobs run, faults befall, and in the end every page shows the truth and every end was told."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

import requests
from redis import Redis
from redis.exceptions import RedisError

from tests.faults.viewer import Browser, Viewer
from tests.faults.world import World
from workers import store

TABS = 20  # of one browser
JOBS, FAULTS = 24, 5
CONVERGES_WITHIN = 5.0  # seconds
ENDS_WITHIN = 60.0  # seconds


@dataclass
class Outcome:
    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    ends: int = 0
    lost: list[str] = field(default_factory=list)  # ends that a browser was not told of
    wrong: list[str] = field(default_factory=list)  # what pages showed when they should have shown the truth
    lies: list[str] = field(default_factory=list)  # versions, attempts and bars that went backwards
    converged_after: float = 0.0  # seconds from the last fault's end

    @property
    def fine(self) -> bool:
        return not (self.lost or self.wrong or self.lies)


def play(world: World, seed: int) -> Outcome:
    """One schedule in a world that goes on afterwards."""
    chance, outcome = random.Random(seed), Outcome(seed)
    session = world.session()
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    browser = Browser(cookie)
    viewers = [Viewer(world.url, browser, chance.randrange(2**32)) for _ in range(TABS)]
    for viewer in viewers:
        viewer.start()
    faults = world.faults()
    ids: list[str] = []
    for _ in range(FAULTS):
        ids += _submit(world, session, chance, JOBS // FAULTS)
        world.live(chance.uniform(0.1, 1.0))
        name = chance.choice(sorted(faults))
        outcome.faults[name] += 1
        faults[name](chance)
        world.live(chance.uniform(0.0, 0.5))
    _heal(world)
    healed_at = time.monotonic()
    redis = world.redis()
    try:
        _converge(world, redis, viewers, outcome, healed_at)
        _await_ends(world, redis, ids, outcome)
        _converge(world, redis, viewers, outcome, time.monotonic())
        _check_ends(world, redis, ids, browser, outcome)
    finally:
        redis.close()
        for viewer in viewers:
            viewer.stop()
        for viewer in viewers:
            viewer.join(10)
    outcome.lies = [lie for viewer in viewers for lie in viewer.lies]
    return outcome


def _submit(world: World, session: requests.Session, chance: random.Random, count: int) -> list[str]:
    ids = []
    for _ in range(count):
        task, args = chance.choice([("sum_numbers", {"text": "12"}), ("text_length", {"text": "four"})])
        try:
            answer = session.post(f"{world.url}/api/jobs", json={"task": task, "args": args}, timeout=3)
        except requests.RequestException:
            continue  # a fault is under way; nothing was promised
        if answer.status_code == 202:
            ids.append(answer.json()["id"])
    return ids


def _heal(world: World) -> None:
    ends = time.monotonic() + 30
    while not world.is_up():
        if time.monotonic() > ends:
            raise AssertionError("the processes did not come up again")
        world.live(0.05)


def _truth(redis: Redis, owner: str) -> dict[str, int]:
    return {row.state.id: row.state.version for row in store.snapshot(redis, f"owner:{owner}")[0]}


def _owner(redis: Redis, viewers: list[Viewer]) -> str:
    for viewer in viewers:
        for id in list(viewer.states):
            stored = store.load(redis, id)
            if stored is not None:
                return stored.owner
    return ""


def _converge(world: World, redis: Redis, viewers: list[Viewer], outcome: Outcome, since: float) -> None:
    """Wait until every tab shows what Redis holds; what it shows after 5 s is wrong."""
    waiting = list(viewers)
    while True:
        owner = _owner(redis, viewers)
        truth = _truth(redis, owner)
        waiting = [viewer for viewer in waiting if _shown(viewer) != truth]
        took = time.monotonic() - since
        if not waiting:
            outcome.converged_after = max(outcome.converged_after, took)
            return
        if took > CONVERGES_WITHIN:
            for viewer in waiting:
                shown = _shown(viewer)
                missing, extra = set(truth) - set(shown), set(shown) - set(truth)
                older = [id for id in truth if id in shown and shown[id] != truth[id]]
                outcome.wrong.append(f"connected={viewer.connected} missing={missing} extra={extra} other={older}")
            return
        world.live(0.02)


def _shown(viewer: Viewer) -> dict[str, int]:
    return {id: state["version"] for id, state in list(viewer.states.items())}


def _await_ends(world: World, redis: Redis, ids: list[str], outcome: Outcome) -> None:
    ends = time.monotonic() + ENDS_WITHIN
    while time.monotonic() < ends:
        try:
            rows = store.load_many(redis, ids)
        except RedisError:
            rows = []
        if rows and all(row is not None and row.state.ended for row in rows):
            return
        world.live(0.1)
    outcome.wrong += [f"{row.state.id} is {row.state.status} for ever" for row in rows if row and not row.state.ended]
    outcome.wrong += [f"{id} is gone" for id, row in zip(ids, rows, strict=False) if row is None]


def _check_ends(world: World, redis: Redis, ids: list[str], browser: Browser, outcome: Outcome) -> None:
    rows = [row for row in store.load_many(redis, ids) if row is not None and row.state.ended]
    expected = {(row.state.id, row.state.attempt) for row in rows}
    ends = time.monotonic() + CONVERGES_WITHIN
    while expected - browser.told and time.monotonic() < ends:
        world.live(0.05)
    outcome.ends = len(expected)
    outcome.lost = sorted(f"{id} attempt {attempt}" for id, attempt in expected - browser.told)
