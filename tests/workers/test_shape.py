"""The types of a state's fields."""

import math
from dataclasses import asdict, replace
from typing import Any

import pytest

from workers.errors import WireError
from workers.shape import DEPTH_LIMIT, LARGEST_INTEGER, first_wrong, is_error, is_number, is_too_deep
from workers.wire import decode_state, encode, encode_state, unreadable

FINE = {**asdict(unreadable("a", 1)), "status": "failed"}

WRONG: list[tuple[str, Any]] = [
    *[(name, None) for name in ("id", "version", "attempt", "task", "queue", "unit", "description", "meta")],
    *[(name, "1") for name in ("version", "attempt", "completed", "total", "created_at", "ended_at")],
    *[(name, 1.5) for name in ("version", "attempt", "started_at", "updated_at")],
    *[(name, True) for name in ("version", "attempt", "completed", "enqueued_at")],
    ("version", 2**53),
    ("total", 1e400),
    ("worker", 5),
    ("result_truncated", 0),
    ("error", "ValueError"),
    ("error", {"type": "ValueError"}),
    ("error", {"type": 1, "message": "text"}),
    ("meta", []),
]


def test_a_state_whose_fields_are_of_their_types_is_read() -> None:
    more = {"completed": 1.5, "total": 2, "worker": "w", "error": {"type": "E", "message": "m"}, "created_at": 1}
    for fields in (FINE, FINE | more):
        assert first_wrong(fields) is None
        assert decode_state(encode(fields)).id == "a"


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_field_of_another_type_is_named(name: str, value: Any) -> None:
    assert first_wrong(FINE | {name: value}) == name
    if value != 1e400:
        with pytest.raises(WireError, match=name):
            decode_state(encode(FINE | {name: value}))


@pytest.mark.parametrize(("value", "expected"), [(None, True), ({}, False), ([], False), ("", False)])
def test_an_error_is_an_object_or_none(value: Any, expected: bool) -> None:
    assert is_error(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, True),
        (-1, True),
        (1.5, True),
        (-0.0, True),
        (5e-324, True),
        (LARGEST_INTEGER, True),
        (-LARGEST_INTEGER, True),
        (LARGEST_INTEGER + 1, False),
        (-LARGEST_INTEGER - 1, False),
        (1e16, False),
        (10**400, False),
        (math.nan, False),
        (math.inf, False),
        (-math.inf, False),
        (True, False),
        (False, False),
        (None, False),
        ("1", False),
        (1j, False),
        ([1], False),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_number_is_one_that_javascript_holds(value: Any, expected: bool) -> None:
    assert is_number(value) is expected


def nested(depth: int) -> Any:
    value: Any = 5
    for at in range(depth):
        value = ([value], {"a": value}, (value, None))[at % 3]
    return value


def test_lists_and_dicts_stand_a_hundred_deep_in_each_other_and_no_deeper() -> None:
    circle: list[Any] = []
    circle += [circle, circle]
    assert not is_too_deep(5) and not is_too_deep(nested(DEPTH_LIMIT)) and not is_too_deep([[]] * 1000)
    assert is_too_deep(nested(DEPTH_LIMIT + 1)) and is_too_deep(circle)


def test_a_state_that_the_release_before_kept_so_deep_is_still_shown() -> None:
    state = replace(unreadable("a", 1), result=nested(700))
    assert state.as_dict()["result"] is state.result and list(state.as_dict()) == list(FINE)
    assert encode_state(state).count("[") == encode(state.result).count("[")
