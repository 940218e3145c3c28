"""Tasks that take their time."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from workers import context
from workers import jobs as jobs_package
from workers.context import JobContext
from workers.errors import BadArguments
from workers.jobs import timed
from workers.jobs.timed import background_work, create_task
from workers.progress import Reporter, Sender
from workers.settings import Settings
from workers.tasks import Tasks

TASKS = Tasks.collect(jobs_package)


@pytest.mark.parametrize(
    ("given", "expected"), [(0, 0), (1, 1), (2, 2), (3, 3), ("0", 0), ("1", 1), ("2", 2), ("3", 3)]
)
def test_a_type_is_a_number_from_0_to_3_or_its_digit(given: Any, expected: int) -> None:
    assert TASKS.get("create_task").parse({"task_type": given}) == {"task_type": expected}


@pytest.mark.parametrize(
    "given", [True, False, 1.0, "1.0", " 1", "1 ", "+1", "-1", "", "one", "１", "³", -1, 4, "4", 10**400, None, [1], {}]
)
def test_no_other_type_is_taken(given: Any) -> None:
    with pytest.raises(BadArguments) as refused:
        TASKS.get("create_task").parse({"task_type": given})
    assert list(refused.value.fields) == ["task_type"]


@pytest.mark.parametrize("name", ["background_work", "create_task"])
def test_both_wait_on_the_default_queue(name: str) -> None:
    assert TASKS.get(name).queue == "default"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """What the job of this test has reported."""
    sent: list[dict[str, Any]] = []

    def send(fields: dict[str, Any]) -> bool:
        sent.append(fields)
        return True

    settings = Settings.from_environment({}, tmp_path)
    reporter = Reporter(send, lambda lines: True)
    job = JobContext("an id", Redis(), settings, TASKS, Sender(settings.redis_url, "an id"), reporter)
    with context.entered(job):
        yield sent


@pytest.mark.parametrize(
    ("run", "seconds"),
    [
        (background_work, 0.5),
        (lambda: create_task(0), 0.0),
        (lambda: create_task(1), 0.5),
        (lambda: create_task(3), 1.5),
    ],
)
def test_work_takes_its_length_times_the_type(
    run: Callable[[], bool], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timed.LENGTH == 10
    monkeypatch.setattr(timed, "LENGTH", 0.5)
    began = time.monotonic()
    assert run() is True
    assert seconds <= time.monotonic() - began < seconds + 0.9


def test_work_is_reported_each_100_ms(told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed, "LENGTH", 0.5)
    background_work()
    job = context.current()
    assert job.reporter.fields() == {"completed": 0.5, "total": 0.5, "unit": "s"}
    bars = [fields["completed"] for fields in told]
    # the last may still be on its way (the job's end carries it), and a busy machine may skip one
    assert bars == sorted(bars) and set(bars) <= {0.1, 0.2, 0.3, 0.4, 0.5} and len(bars) >= 3
