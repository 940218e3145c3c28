"""`make faults N=100 SEED=1`: plays seeded schedules and prints one line of what came out."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.schedule import Outcome, play
from tests.faults.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("count", type=int, help="how many schedules")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first; the next has one more")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="headway-faults-") as folder:
        world = World(Path(folder))
        try:
            for seed in range(options.seed, options.seed + options.count):
                outcomes.append(play(world, seed))
                if not outcomes[-1].fine:
                    print(outcomes[-1], flush=True)
        finally:
            world.end()
    print(summary(outcomes))
    return 0 if all(outcome.fine for outcome in outcomes) else 1


def summary(outcomes: list[Outcome]) -> str:
    faults: Counter[str] = sum((outcome.faults for outcome in outcomes), Counter())
    lost, wrong, lies = (sum(len(getattr(one, name)) for one in outcomes) for name in ("lost", "wrong", "lies"))
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(faults.items()))
    times = sorted(outcome.converged_after for outcome in outcomes)
    return (
        f"{len(outcomes)} schedules; faults: {kinds}; {sum(outcome.ends for outcome in outcomes)} ends, {lost} lost; "
        f"{wrong} wrong, {lies} lies; converged {times[len(times) // 2]:.2f} s after the last fault in the middle, "
        f"{times[-1]:.2f} s at the most"
    )


if __name__ == "__main__":
    sys.exit(main())
