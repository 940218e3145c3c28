"""Lengths and sums of texts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from workers import jobs as jobs_package
from workers.errors import BadArguments
from workers.jobs.text import sum_numbers, text_length
from workers.tasks import Tasks


def test_the_length_of_a_text_comes_after_two_seconds() -> None:
    began = time.monotonic()
    assert text_length("Grüße, 日本") == 9
    assert 2 <= time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("123", 6),
        ("a1b2, -3.5", 11),
        ("no digits", 0),
        ("٣ ३ ３ ³ ½ Ⅳ", 0),  # digits elsewhere; int() would take the first three and stumble over the fourth
        ("9" * 100_000, 900_000),
    ],
)
def test_the_digits_of_a_text_are_summed(text: str, expected: int) -> None:
    assert sum_numbers(text) == expected


@pytest.mark.parametrize("function", [text_length, sum_numbers])
@pytest.mark.parametrize("args", [{}, {"text": 1}, {"text": None}, {"text": ["a"]}, {"text": "a", "more": 1}])
def test_both_take_one_text(function: Callable[..., Any], args: dict[str, Any]) -> None:
    task = Tasks.collect(jobs_package).get(function.__name__)
    assert task.queue == "default"
    assert task.parse({"text": "a"}) == {"text": "a"}
    with pytest.raises(BadArguments):
        task.parse(args)
