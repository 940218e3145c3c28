"""A few short schedules, with seeds that are always the same; `make faults N=1000` plays as many as asked."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.__main__ import played

SEEDS = range(1, 5)
FAULTS = 2  # in each, so that they are short


def test_whatever_befalls_pages_show_the_truth_and_each_end_is_told_once(tmp_path: Path) -> None:
    # in a thread of its own: Playwright takes one for each of its loops, and the browser tests have this one
    with ThreadPoolExecutor(1) as thread:
        outcomes = thread.submit(lambda: list(played(tmp_path, SEEDS, FAULTS))).result()
    assert [outcome for outcome in outcomes if not outcome.fine] == []
    assert sum(outcome.ends for outcome in outcomes) > 20
