"""What is said of a task that can't be used; tests/workers/test_tasks.py has the tasks themselves."""

from pathlib import Path

import pytest

from workers.broken import Broken, check_mark, unimported, unusable
from workers.errors import HeadwayError
from workers.wire import INTERNAL_QUEUES


def test_a_line_says_where_what_and_why() -> None:
    assert str(Broken("jobs/a.py", 3, "one", "no")) == "jobs/a.py:3: one is left out: no"


@pytest.mark.parametrize("timeout", [1, 7200, 2**31 - 1, -1])
def test_a_time_is_a_whole_number_of_seconds(timeout: int) -> None:
    check_mark("default", timeout, ["default"])
    check_mark("anywhere", timeout, None)


@pytest.mark.parametrize("timeout", [0, -2, 1.5, True, "1h", None, float("nan"), 2**31, 10**30])
def test_any_other_is_refused(timeout: object) -> None:
    with pytest.raises(HeadwayError, match="timeout: expected a whole number"):
        check_mark("default", timeout, None)


def test_a_refused_queue_offers_those_that_tasks_may_name() -> None:
    for queue in ("mail", INTERNAL_QUEUES[0], 10**5000):
        with pytest.raises(HeadwayError, match=r"queue: expected one of default, other \(HEADWAY_QUEUES\), got "):
            check_mark(queue, 60, ["default", "other", *INTERNAL_QUEUES])


def test_files_below_us_are_named_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    here = test_files_below_us_are_named_from_here
    found = unusable("one", here, HeadwayError("x" * 1000))
    assert (found.file, found.line, len(found.reason)) == ("test_broken.py", here.__code__.co_firstlineno, 300)


def test_a_module_that_is_not_there_is_named_too() -> None:
    found = unimported("a.b", ModuleNotFoundError("no module"))
    assert (found.file, found.line, found.name, found.reason) == ("a.b", 0, "a.b", "ModuleNotFoundError: no module")
