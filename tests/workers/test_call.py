"""What a signature says is what the function gets; and whatever it raises, its job has failed with just that."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis

from tests.conftest import Processes, ended, until
from tests.workers import odd_worker
from tests.workers.odd_worker import TASKS, Colour, Line, Place, odd_async, odd_raise, odd_typed
from workers import detail, store
from workers.errors import BadArguments, WireError
from workers.lifecycle import TrackedQueue, fetch_job
from workers.queue import Jobs
from workers.store import Stored

WITHIN = 60.0  # seconds
NOON = datetime(2026, 1, 2, 12, 0)
GIVEN: dict[str, Any] = {
    "when": NOON,
    "day": date(2026, 1, 2),
    "price": Decimal("1.10"),
    "ids": {3},
    "line": Line(when=NOON, colours={Colour.RED}, Price=Decimal("0.30")),
    "kind": Colour.RED,
    "raw": b"raw \xc3\xa9",
    "pause": timedelta(seconds=90),
    "place": Place(1.0, -0.0),
    "anything": [1, {"a": None}],
    "pairs": {7: ("a", "b")},
    "model_config": "x",
    "_hidden": 5,
    "json": None,
}
RIGHT = {name: repr(value) for name, value in GIVEN.items()}


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis, TASKS, ["default"])


@pytest.fixture
def queue(redis: Redis) -> TrackedQueue:
    return TrackedQueue("headway.default", connection=redis)


@pytest.fixture
def run(jobs: Jobs, processes: Processes) -> Iterator[Callable[[str], Stored]]:
    """Runs a job; the worker is there from the first on."""
    processes.start("-m", "tests.workers.odd_worker")
    yield lambda id: ended(jobs, id, WITHIN)


def test_a_function_gets_what_its_signature_says_on_every_road(
    jobs: Jobs, queue: TrackedQueue, redis: Redis, run: Callable[[str], Stored]
) -> None:
    names = list(GIVEN)
    placed, named = [GIVEN[name] for name in names[:9]], {name: GIVEN[name] for name in names[9:]}
    first = queue.enqueue_call(odd_typed, args=placed, kwargs=named).id
    kept = detail.read(redis, jobs.load(first).state, TASKS)
    assert kept.args is not None and list(kept.args) == names and kept.sentence is None
    assert kept.args["line"] == {"when": "2026-01-02T12:00:00", "colours": ["red"], "Price": "0.30"}
    over_http = jobs.submit("odd_typed", kept.args, owner="me").state.id
    values = list(kept.args.values())
    by_place = queue.enqueue_call("odd_typed", args=values[:10], kwargs={"pairs": {"7": ["a", "b"]}})
    for id in (first, over_http):
        state = run(id).state
        assert state.result == RIGHT, state.error
    result = run(by_place.id).state.result
    assert result == RIGHT | {"model_config": "''", "_hidden": "0"}
    again = detail.read(redis, jobs.load(by_place.id).state, TASKS).args
    assert again is not None and again["anything"] == [1, {"a": None}] and again["day"] == "2026-01-02"


def test_coroutines_run_and_wrong_arguments_of_a_stock_queue_are_named(
    jobs: Jobs, queue: TrackedQueue, run: Callable[[str], Stored]
) -> None:
    right, wrong = queue.enqueue(odd_async, 21), queue.enqueue("odd_async", "many")
    assert run(right.id).state.result == 42
    error = run(wrong.id).state.error
    assert error == {
        "type": "BadArguments",
        "message": 'odd_async: x: expected a valid integer, unable to parse string as an integer, got "many"',
    }


def test_arguments_of_a_wrong_type_make_no_job(queue: TrackedQueue, redis: Redis) -> None:
    for args, kwargs, field in [
        (("many",), {}, "x"),
        ((1, 2), {}, "args"),
        ((1,), {"x": 1}, "x"),
        ((), {}, "x"),
        ((), {"x": 1, "y": 2}, "y"),
    ]:
        with pytest.raises(BadArguments) as refused:
            queue.enqueue_call(odd_async, args=args, kwargs=kwargs)
        assert set(refused.value.fields) == {field}
    with pytest.raises(BadArguments) as refused:
        queue.enqueue_call(odd_typed, args=tuple(GIVEN.values())[:9], kwargs={"anything": float("inf"), "pairs": {}})
    assert refused.value.fields == {"anything": {"expected": "a finite number", "got": "Infinity"}}
    with pytest.raises(WireError):
        queue.enqueue("tests_return", float("nan"))
    assert redis.llen(queue.key) == 0


RAISED = {
    "its str() raises": (
        "class E(Exception):\n  def __str__(self): raise SystemExit\ndef fail(): raise E",
        ("E", "(its message can't be shown: str() of a E fails)"),
    ),
    "its str() is no text": (
        "class E(Exception):\n  def __str__(self): return 5\ndef fail(): raise E",
        ("E", "(its message can't be shown: str() of a E fails)"),
    ),
    "half characters": ("def fail(): raise ValueError('a\\ud83d b \\ud83d\\ude00')", ("ValueError", "a\ufffd b 😀")),
    "a group": (
        "def fail(): raise ExceptionGroup('many', [ValueError('x\\ny'), KeyError(1)])",
        ("ExceptionGroup", "many (2 sub-exceptions)"),
    ),
    "notes": ("def fail():\n  e = KeyError('k')\n  e.add_note('a: note')\n  raise e", ("KeyError", "'k'")),
    "no message": ("def fail(): raise ValueError", ("ValueError", "")),
    "lines": ("def fail(): raise ValueError('one\\ntwo: three')", ("ValueError", "one\ntwo: three")),
    "pydantic": (
        "import pydantic\ndef fail(): pydantic.TypeAdapter(int).validate_python('x')",
        ("ValidationError", None),
    ),
    "a long type": ("def fail(): raise type('E' * 10_000, (Exception,), {})('x')", ("E" * 100, "x")),
    "50 MB": ("def fail(): raise ValueError('x' * 50_000_000)", ("ValueError", "x" * 500)),
    "an exit": ("def fail(): raise SystemExit(3)", ("SystemExit", "3")),
    "an interrupt": ("def fail(): raise KeyboardInterrupt", ("KeyboardInterrupt", "")),
    "a generator's exit": ("def fail(): raise GeneratorExit", ("GeneratorExit", "")),
    "no traceback of its own": (
        "class E(SyntaxError): pass\ndef fail(): raise E('m', ('f', 'no', 'number', object()))",
        ("E", None),
    ),
}


def test_whatever_a_task_raises_its_job_has_failed_with_it_and_says_the_same_after_a_repair(
    jobs: Jobs, queue: TrackedQueue, redis: Redis, run: Callable[[str], Stored], processes: Processes
) -> None:
    ids = {what: queue.enqueue(odd_raise, text).id for what, (text, _) in RAISED.items()}
    for what, (_, (kind, message)) in RAISED.items():
        state = run(ids[what]).state
        assert state.status == "failed" and state.error is not None
        assert state.error["type"] == kind, what
        assert message is None or state.error["message"] == message, what
        told = detail.read(redis, state, TASKS)
        assert told.traceback is not None and len(told.traceback) < 70_000 and kind[:50] in told.traceback, what
        told.traceback.encode()
        store.transition(redis, ids[what], {"status": "started", "error": None})
        job = fetch_job(ids[what], redis)
        assert job is not None
        job.publish_again()
        assert jobs.load(ids[what]).state.error == state.error, what
    assert "WorkHorseKilled" not in processes.log()
    last = queue.enqueue(odd_async, 1).id
    assert run(last).state.result == 2


def test_results_of_which_a_key_would_be_lost_are_refused(
    jobs: Jobs, queue: TrackedQueue, run: Callable[[str], Stored]
) -> None:
    texts = ["{1: 'a', '1': 'b'}", "[{'x': {None: 1, 'null': 2}}]", "{1: 'a', '2': 'b'}"]
    lost, nested, fine = (queue.enqueue("tests_return", text).id for text in texts)
    for id in (lost, nested):
        error = run(id).state.error
        assert error is not None and error["type"] == "ResultError" and "same name" in error["message"]
    assert run(fine).state.result == {"1": "a", "2": "b"}


def test_a_result_is_nested_a_hundred_deep_at_most(queue: TrackedQueue, run: Callable[[str], Stored]) -> None:
    made = "__import__('functools').reduce(lambda inner, _: [inner], range({}), 5)"
    fine, deep, deeper = (queue.enqueue("tests_return", made.format(depth)).id for depth in (100, 101, 5000))
    assert str(run(fine).state.result) == "[" * 100 + "5" + "]" * 100
    for id in (deep, deeper):
        error = run(id).state.error
        assert error is not None and error["type"] == "ResultError" and "more than 100 deep" in error["message"]


def test_the_tests_know_the_tasks_of_their_worker() -> None:
    assert odd_worker.TASKS.broken == () and until(lambda: "odd_typed" in TASKS)
