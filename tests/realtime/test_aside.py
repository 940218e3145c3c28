"""Large bodies are read in a process of their own, with the same answers."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from realtime.aside import WAITING_LIMIT, Aside
from realtime.errors import Refused
from realtime.intake import HUB_LIMIT, Order, read
from tests.conftest import until
from workers import jobs as jobs_package
from workers.errors import BadArguments, HeadwayError, WireError
from workers.tasks import Tasks

TASKS = Tasks.collect(jobs_package)
PAD = b" " * HUB_LIMIT  # which JSON doesn't mind


@pytest.fixture
def aside() -> Iterator[Aside]:
    made = Aside(TASKS)
    yield made
    made.stop()


def body(value: Any) -> bytes:
    return json.dumps(value).encode() + PAD


def test_a_small_body_is_read_here(aside: Aside) -> None:
    assert aside.read(Order("one"), json.dumps({"task": "background_work"}).encode()).task == "background_work"
    assert aside.pid is None


@pytest.mark.parametrize(
    ("order", "value"),
    [
        (
            Order("one"),
            {"task": "text_length", "args": {"text": "ü\ud800\0"}, "queue": "q", "notify": {"email": "me@a.test"}},
        ),
        (Order("many"), {"task": "text_length", "args": [{"text": "a"}]}),
        (Order("again", "text_length"), {"args": {"text": "a"}}),
        (Order("again", "text_length"), {"args": None}),
        (Order("books", "https://books.test/"), ["https://books.test/1"]),
    ],
)
def test_a_large_body_says_what_it_would_say_here(order: Order, value: Any, aside: Aside) -> None:
    assert aside.read(order, body(value)) == read(order, body(value), TASKS)
    assert aside.pid is not None


def test_a_large_bulk_submit_comes_in_its_order_and_without_what_nobody_needs(aside: Aside) -> None:
    given = body({"task": "text_length", "args": [{"text": str(number)} for number in range(2000)]})
    here, there = read(Order("many"), given, TASKS), aside.read(Order("many"), given)
    assert [(one.data, one.words) for one in there.arguments] == [(one.data, one.words) for one in here.arguments]
    assert {one.text for one in there.arguments} == {""}


@pytest.mark.parametrize(
    "given",
    [
        PAD,
        b"[" * HUB_LIMIT * 4,
        b'{"task": 1e999}' + PAD,
        body([]),
        body({"task": "no_such"}),
        body({"task": "text_length", **{str(number): 0 for number in range(600_000)}}),
        body({"task": "text_length", "args": {str(number): 0 for number in range(100_000)}}),
    ],
    ids=["nothing", "deep", "infinite", "a list", "no task", "600,000 fields", "100,000 arguments"],
)
def test_what_is_wrong_is_said_as_it_would_be_here(given: bytes, aside: Aside) -> None:
    with pytest.raises(HeadwayError) as here:
        read(Order("one"), given, TASKS)
    with pytest.raises(HeadwayError) as there:
        aside.read(Order("one"), given)
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))
    assert isinstance(there.value, WireError) or (
        isinstance(there.value, BadArguments)
        and isinstance(here.value, BadArguments)
        and there.value.fields == here.value.fields
    )


def test_a_process_that_has_ended_is_followed_by_another(aside: Aside) -> None:
    given = body({"task": "background_work"})
    aside.read(Order("one"), given)
    first = aside.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert aside.read(Order("one"), given).task == "background_work"
    assert aside.pid not in (None, first)


def test_a_body_for_which_no_process_lives_is_refused_and_the_next_one_is_read(
    aside: Aside, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = body({"task": "background_work"})
    monkeypatch.setattr("realtime.aside.sys.executable", "/bin/false")
    with pytest.raises(Refused) as refused:
        aside.read(Order("one"), given)
    assert refused.value.refusal.code == "unavailable"
    monkeypatch.undo()
    assert aside.read(Order("one"), given).task == "background_work"


def test_a_process_that_hangs_is_ended(aside: Aside) -> None:
    given = body({"task": "background_work"})
    hasty = Aside(TASKS, patience=2.0)
    try:
        until(lambda: has_read(hasty, given), "a process that is ready")
        assert hasty.pid is not None
        os.kill(hasty.pid, signal.SIGSTOP)
        with pytest.raises(Refused):
            hasty.read(Order("one"), given)
        assert hasty.pid is None
    finally:
        hasty.stop()


def has_read(aside: Aside, given: bytes) -> bool:
    try:
        return bool(aside.read(Order("one"), given))
    except Refused:
        return False  # on a busy machine it takes longer to begin


def test_bodies_wait_for_their_turn_and_too_many_are_refused(aside: Aside) -> None:
    given = body({"task": "background_work"})
    aside.read(Order("one"), given)
    assert aside.pid is not None
    os.kill(aside.pid, signal.SIGSTOP)
    resumed = False

    def ask() -> str:
        nonlocal resumed
        try:
            return aside.read(Order("one"), given).task
        except Refused:
            if not resumed and aside.pid is not None:
                resumed = True
                os.kill(aside.pid, signal.SIGCONT)
            return "refused"

    with ThreadPoolExecutor(WAITING_LIMIT + 1) as pool:
        answers = list(pool.map(lambda _: ask(), range(WAITING_LIMIT + 1)))
    assert answers.count("refused") == 1 and answers.count("background_work") == WAITING_LIMIT
