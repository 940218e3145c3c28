"""A few short schedules, with seeds that are always the same; `make faults N=1000` plays as many as asked."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.__main__ import TOGETHER, played

SCHEDULES = 20
FAULTS = 2  # in each, so that they are short


@pytest.mark.parametrize("first", range(1, SCHEDULES + 1, TOGETHER))
def test_whatever_befalls_pages_show_the_truth_and_each_end_is_told_once(first: int, tmp_path: Path) -> None:
    seeds = range(first, first + TOGETHER)
    # in a thread of its own: Playwright takes one for each of its loops, and the browser tests have this one
    with ThreadPoolExecutor(1) as thread:
        outcomes = thread.submit(lambda: list(played(tmp_path, seeds, FAULTS))).result()
    assert [outcome for outcome in outcomes if not outcome.fine] == []
    assert sum(outcome.ends for outcome in outcomes) > 5 * TOGETHER
