"""`make faults N=100 SEED=1`: plays seeded schedules and prints one line of what came out."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.faults.company import Company, chromium
from tests.faults.schedule import FAULTS, Outcome, play
from tests.faults.world import World

SLOW = 2.0  # seconds to converge, above which a schedule is worth a look
TOGETHER = 10  # schedules that one company sees, one after the other


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("count", type=int, help="how many schedules")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first; the next has one more")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="headway-faults-") as folder:
        for outcome in played(Path(folder), range(options.seed, options.seed + options.count)):
            outcomes.append(outcome)
            if not outcome.fine or outcome.converged_after > SLOW:
                print(outcome, flush=True)
            if len(outcomes) % 50 == 0:
                print(summary(outcomes), flush=True)
    print(summary(outcomes))
    return 0 if all(outcome.fine for outcome in outcomes) else 1


def played(folder: Path, seeds: Iterable[int], faults: int = FAULTS) -> Iterator[Outcome]:
    """What came out of the schedule of each seed, with so many faults in each."""
    world = World(folder)
    try:
        with chromium() as browser:
            company = None
            for number, seed in enumerate(seeds):
                if number % TOGETHER == 0:
                    if company is not None:
                        company.close()
                    company = Company(world, browser, seed)
                assert company is not None
                yield play(world, company, seed, faults)
            if company is not None:
                company.close()
    finally:
        world.end()


def summary(outcomes: list[Outcome]) -> str:
    faults = Counter(name for outcome in outcomes for name in outcome.faults)
    lost, duplicated, wrong, lies = (
        sum(len(getattr(one, name)) for one in outcomes) for name in ("lost", "duplicated", "wrong", "lies")
    )
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(faults.items()))
    times = sorted(outcome.converged_after for outcome in outcomes)
    middle, most = times[len(times) // 2], times[-1]
    return (
        f"{len(outcomes)} schedules; faults: {kinds}; {sum(outcome.ends for outcome in outcomes)} ends, {lost} lost, "
        f"{duplicated} duplicated; {wrong} wrong, {lies} lies; converged after {middle:.2f} s (median), "
        f"{times[int(len(times) * 0.99)]:.2f} s (p99), {most:.2f} s (slowest)"
    )


if __name__ == "__main__":
    sys.exit(main())
