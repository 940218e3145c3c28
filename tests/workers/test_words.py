"""What of arguments can be searched."""

from typing import Any

import pytest

from workers.words import WORDS_LIMIT, words_of


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, ""),
        ([[], {"text": "ÄBC"}], "äbc"),
        ({"url": "https://X/", "copies": 2, "fast": True, "none": None}, "https://x/ 2 true"),
        ({"tags": ["a", ["b", {"c": "d"}]], "last": 0.5}, "a b d 0.5"),
    ],
)
def test_the_values_are_searched_and_not_the_names(arguments: Any, words: str) -> None:
    assert words_of(arguments) == words


def test_a_long_text_is_cut_and_the_rest_not_looked_at() -> None:
    assert len(words_of({"text": "x" * 10_000_000})) == WORDS_LIMIT
    assert len(words_of([["word"] * 1_000_000])) <= WORDS_LIMIT


def test_deep_nesting_is_no_fault() -> None:
    value: Any = "deep"
    for _ in range(100_000):
        value = [value]
    assert words_of(value) == "deep"
