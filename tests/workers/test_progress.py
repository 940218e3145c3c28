"""progress() and track(): newest wins, nothing raises, nothing waits."""

import logging
import threading
from collections.abc import Iterator
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.conftest import until
from workers import context, store
from workers.context import JobContext
from workers.progress import Reporter, Sender, progress, track
from workers.settings import Settings
from workers.tasks import Tasks
from workers.wire import Status


class Step(IntEnum):
    FIRST = 1


class Sent:
    """Stands where Redis would: keeps what is sent, or fails."""

    def __init__(self) -> None:
        self.fields: list[dict[str, Any]] = []
        self.away = False
        self.wanted = True
        self.tries = 0
        self.sent = threading.Event()

    def __call__(self, fields: dict[str, Any]) -> bool:
        self.tries += 1
        if self.away:
            raise RedisConnectionError("away")
        self.fields.append(fields)
        self.sent.set()
        return self.wanted


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("not to be shown")


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def reporter(sent: Sent, redis: Redis, settings: Settings) -> Iterator[Reporter]:
    sender = Sender(settings.redis_url, "job")
    made = Reporter(sent, lambda lines: True)
    with context.entered(JobContext("job", redis, settings, Tasks({}), sender, made)):
        yield made


def test_outside_of_a_job_it_does_nothing() -> None:
    progress(1, 2, "nobody listens")


def test_the_first_report_goes_out_at_once(reporter: Reporter, sent: Sent) -> None:
    progress(1, 2, "Begin", unit="B", meta={"a": 1})
    until(lambda: sent.fields, "a report", within=0.1)
    assert sent.fields == [{"completed": 1, "total": 2, "unit": "B", "description": "Begin", "meta": {"a": 1}}]


def test_the_last_report_before_a_pause_goes_out_within_a_tenth_of_a_second(reporter: Reporter, sent: Sent) -> None:
    for number in range(1000):
        progress(number, 999)
    until(lambda: sent.fields and sent.fields[-1]["completed"] == 999, "the last", within=0.1)


def test_at_most_twenty_a_second_are_sent(reporter: Reporter, sent: Sent) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    number = 0
    while not stop.is_set():
        progress(number := number + 1)
    assert number > 1000 and 2 <= len(sent.fields) <= 11


def test_description_and_meta_stay_until_they_are_given_anew(reporter: Reporter) -> None:
    progress(1, 2, "Phase", meta={"a": 1})
    progress(2, 2)
    assert reporter.fields() == {"completed": 2, "total": 2, "unit": "", "description": "Phase", "meta": {"a": 1}}


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (np.int64(5), 5),
        (np.uint8(5), 5),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.array(5), 5),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 2), 0.5),
        (Step.FIRST, 1),
    ],
    ids=repr,
)
def test_numbers_of_any_library_are_numbers(number: Any, shown: float, reporter: Reporter) -> None:
    progress(number, number)
    fields = reporter.fields()
    assert (fields["completed"], fields["total"]) == (shown, shown)
    assert {type(fields[name]) for name in ("completed", "total")} <= {int, float}


@pytest.mark.parametrize(
    "nonsense",
    [
        {"completed": "three"},
        {"completed": float("nan")},
        {"completed": float("inf")},
        {"completed": True},
        {"completed": np.bool_(True)},
        {"completed": np.array([1, 2])},
        {"completed": np.float64("nan")},
        {"completed": Decimal("Infinity")},
        {"completed": Decimal("sNaN")},
        {"completed": Fraction(10**400)},
        {"completed": "5"},
        {"completed": 1, "total": b"5"},
        {"completed": 2**60},
        {"completed": 1, "total": "many"},
        {"completed": 1, "unit": 3},
        {"completed": None},
        {"completed": 10**400},
        {"completed": 10**5000},
        {"completed": Unshowable()},
    ],
)
def test_nonsense_is_dropped_with_one_line(
    nonsense: dict[str, Any], reporter: Reporter, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "headway.progress"):
        progress(**nonsense)
        progress(**nonsense)
        assert "completed" not in reporter.fields()
        reporter.fields()
        lines = until(lambda: [record for record in caplog.records if "progress dropped" in record.message], "a line")
    assert len(lines) == 1


@pytest.mark.parametrize("meta", [{"a": "x" * 2000}, {"a": object()}, {"a": float("nan")}, ["no object"]])
def test_meta_that_does_not_fit_is_dropped(meta: Any, reporter: Reporter) -> None:
    progress(1, meta=meta)
    assert reporter.fields() == {"completed": 1, "total": None, "unit": ""}


def test_a_long_description_is_cut(reporter: Reporter) -> None:
    progress(1, 2, "x" * 500)
    assert reporter.fields()["description"] == "x" * 200


def test_track_yields_the_items_and_counts_them(reporter: Reporter) -> None:
    seen = []
    for item in track(["a", "b", "c"], "Counting", unit="letters"):
        seen.append((item, reporter.newest))
    assert seen == [("a", (0, 3, "letters")), ("b", (1, 3, "letters")), ("c", (2, 3, "letters"))]
    assert reporter.fields() == {"completed": 3, "total": 3, "unit": "letters", "description": "Counting"}


def test_track_of_an_unknown_length_has_no_total(reporter: Reporter) -> None:
    assert list(track(number for number in range(2))) == [0, 1]
    assert reporter.newest == (2, None, "")


def test_while_redis_is_away_the_newest_is_kept_and_tried_again(reporter: Reporter, sent: Sent) -> None:
    sent.away = True
    progress(1)
    until(lambda: sent.tries, "a try")
    progress(2)
    sent.away = False
    until(lambda: sent.fields, "a report")
    assert [fields["completed"] for fields in sent.fields] == [2]


def test_a_report_that_is_not_wanted_ends_the_thread(reporter: Reporter, sent: Sent) -> None:
    sent.wanted = False
    progress(1)
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "headway-progress"], "its end")


def test_a_sender_reports_under_the_attempt_it_began_with(redis: Redis, redis_url: str) -> None:
    known = {"task": "t", "queue": "default"}
    store.transition(redis, "a", {"status": Status.STARTED}, fallback=known)
    sender = Sender(redis_url, "a")
    assert sender({"completed": 1, "total": None, "unit": ""})
    store.transition(redis, "a", {"status": Status.QUEUED})
    store.transition(redis, "a", {"status": Status.STARTED})
    assert not sender({"completed": 9, "total": None, "unit": ""})


def test_a_sender_says_when_redis_is_away(tmp_path: Path) -> None:
    with pytest.raises(RedisConnectionError):
        Sender(f"unix://{tmp_path}/none.sock", "a")({"completed": 1})
