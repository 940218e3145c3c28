"""One seeded schedule: jobs run, faults befall, and in the end every page shows the truth and every end was told."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from tests.faults.company import Company
from tests.faults.faults import kinds
from tests.faults.judge import Judge
from tests.faults.world import World

FAULTS = 3  # in one schedule
CONVERGES_WITHIN = 5.0  # seconds
ENDS_WITHIN = 60.0  # seconds
UP_WITHIN = 30.0  # seconds


@dataclass
class Outcome:
    seed: int
    faults: list[str] = field(default_factory=list)  # in their order
    ends: int = 0
    lost: list[str] = field(default_factory=list)  # ends that a browser was not told of
    duplicated: list[str] = field(default_factory=list)  # ends that a browser was told of twice
    wrong: list[str] = field(default_factory=list)  # what was shown, or is in Redis, when it should have been the truth
    lies: list[str] = field(default_factory=list)  # what was shown as live and false, or moved as no truth can
    converged_after: float = 0.0  # seconds from the last fault's end
    last: list[str] = field(default_factory=list)  # what was still wrong a moment before

    @property
    def fine(self) -> bool:
        return not (self.lost or self.duplicated or self.wrong or self.lies)


def play(world: World, company: Company, seed: int, faults: int = FAULTS) -> Outcome:
    """One schedule in a world, and before a company, that go on afterwards."""
    chance, outcome = random.Random(seed), Outcome(seed)
    judge = Judge(world, company.browsers)
    world.each = judge.look
    lies_before = _lies(company)
    ids: list[str] = []
    try:
        for name in chance.choices(sorted(kinds()), k=faults):
            ids += company.submit(world, chance)
            world.live(chance.uniform(0.1, 0.6))
            outcome.faults.append(name)
            kinds()[name](world, chance)
        _await(world, world.is_up, UP_WITHIN, "the processes did not come up again")
        judge.quiet_since = time.monotonic()
        outcome.converged_after = _converge(world, judge, outcome)
        _await_ends(world, judge, outcome)
        again = Outcome(seed)
        _converge(world, judge, again)
        outcome.wrong += again.wrong
        outcome.wrong += [*judge.missing(ids), *world.complaints()]
        _check_ends(world, judge, company, outcome)
        outcome.lies += [*judge.lies, *_lies(company)[len(lies_before) :]]
    finally:
        world.each = lambda: None
        judge.close()
    return outcome


def _lies(company: Company) -> list[str]:
    return [lie for browser in company.browsers for lie in browser.lies()]


def _await(world: World, condition: Callable[[], bool], within: float, what: str) -> None:
    ends = time.monotonic() + within
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError(what)
        world.live(0.05)


def _converge(world: World, judge: Judge, outcome: Outcome) -> float:
    """Wait until every client shows the truth, and return how long that took; what it shows after 5 s is wrong."""
    since = time.monotonic()
    wrong: list[str] = []
    while True:
        outcome.last = wrong[:2]
        try:
            wrong = judge.wrong()
        except RedisError as error:
            wrong = [str(error)]
        took = time.monotonic() - since
        if not wrong:
            return took
        if took > CONVERGES_WITHIN:
            outcome.wrong += wrong
            return took
        world.live(0.02)


def _await_ends(world: World, judge: Judge, outcome: Outcome) -> None:
    ends = time.monotonic() + ENDS_WITHIN
    while (running := judge.not_ended()) and time.monotonic() < ends:
        world.live(0.1)
    outcome.wrong += [f"{word} for ever" for word in running]


def _check_ends(world: World, judge: Judge, company: Company, outcome: Outcome) -> None:
    ends = time.monotonic() + CONVERGES_WITHIN
    while True:
        count, outcome.lost, duplicated = judge.ends()
        if not outcome.lost or time.monotonic() > ends:
            break
        world.live(0.05)
    outcome.ends, company.ends = count - company.ends, count
    outcome.duplicated = [one for one in duplicated if one not in company.duplicated]
    company.duplicated += outcome.duplicated
