"""News in words."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.frontend.node import run_node
from workers import news
from workers.wire import FIELDS, JobState, Status

FORMAT = Path(__file__).parent.parent.parent / "frontend/js/format.js"


def state(status: Status = Status.FINISHED, **fields: Any) -> JobState:
    texts = dict.fromkeys(("queue", "unit", "description"), "")
    blank = dict.fromkeys(FIELDS) | texts | {"result_truncated": False, "meta": {}}
    return JobState(
        **{**blank, "id": str(uuid4()), "version": 1, "attempt": 1, "task": "count_words", "status": status, **fields}
    )


FAILURE = {"type": "ValueError", "message": "it is said\nno page"}


@pytest.mark.parametrize(
    ("ended", "title", "body"),
    [
        (state(started_at=1000, ended_at=13_000), "count_words finished", "in 12 s"),
        (state(Status.FAILED, started_at=1, ended_at=2, error=FAILURE), "count_words failed", "ValueError: no page"),
        (state(Status.FAILED, error={"type": "E", "message": ""}), "count_words failed", "E"),
        (state(Status.FAILED), "count_words failed", ""),
        (state(Status.STOPPED, started_at=1000, ended_at=1400), "count_words stopped", "after 0.4 s"),
        (state(Status.CANCELED, ended_at=1400), "count_words canceled", ""),
        (state(task=""), "a job finished", ""),
    ],
)
def test_one_end_is_told_with_its_job(ended: JobState, title: str, body: str) -> None:
    assert json.loads(news.payload([ended])) == {
        "title": title,
        "body": body,
        "id": ended.id,
        "ended": [[ended.id, 1]],
        "status": ended.status,
    }


def test_several_are_counted_and_fifty_are_named() -> None:
    ends = [state(Status.FAILED) for _ in range(3)] + [state() for _ in range(209)]
    told = json.loads(news.payload(ends))
    assert (told["title"], told["body"], told["id"], told["status"]) == (
        "212 jobs ended",
        "209 finished, 3 failed",
        None,
        None,
    )
    assert told["ended"] == [[one.id, 1] for one in ends[:50]]


def test_it_always_fits_into_a_push() -> None:
    loud = state(Status.FAILED, task="\x00" * 999, error={"type": "\x01" * 100, "message": "\x02" * 500})
    assert len(news.payload([loud])) <= news.PAYLOAD_LIMIT
    assert len(news.payload([state(id="\x03" * 128) for _ in range(60)])) <= news.PAYLOAD_LIMIT
    wide = state(Status.FAILED, task="語" * 500, error={"type": "E", "message": "語" * 500})
    assert len(json.loads(news.payload([wide]))["body"]) == news.BODY_LIMIT


def test_who_never_began_ran_for_no_time() -> None:
    assert [news.run_time(one) for one in (state(), state(ended_at=5), state(started_at=9, ended_at=5))] == [0, 0, 0]
    assert news.run_time(state(started_at=1000, ended_at=3500)) == 2.5


def test_durations_read_as_they_do_on_the_page() -> None:
    times = [0, 0.0004, 0.005, 0.0995, 0.1, 0.25, 0.35, 0.44, 1, 1.05, 9.94, 9.95, 9.999, 10, 12.5, 59.4, 59.5, 60]
    times += [61.5, 200, 3599.4, 3599.5, 3600, 7500, 86_400, 100_000.25, 172_799.4, 172_800, 273_600.5]
    code = f"import {{ duration }} from '{FORMAT.as_uri()}'; console.log(JSON.stringify({times}.map(duration)))"
    run = run_node("--input-type=module", "-e", code)
    assert [news.duration(seconds) for seconds in times] == json.loads(run.stdout), run.stderr
