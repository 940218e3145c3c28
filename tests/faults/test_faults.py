"""A few short schedules, with seeds that are always the same; `make faults N=1000` plays as many as asked."""

from pathlib import Path

from tests.faults.schedule import play
from tests.faults.world import World

SEEDS = range(1, 6)


def test_whatever_befalls_pages_show_the_truth_and_no_end_is_lost(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        outcomes = [play(world, seed) for seed in SEEDS]
    finally:
        world.end()
    assert [outcome for outcome in outcomes if not outcome.fine] == []
    assert sum(outcome.ends for outcome in outcomes) > 50
