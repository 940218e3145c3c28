"""What is kept of an exception: table by table, and of any that Hypothesis makes."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.failure import (
    MESSAGE_LIMIT,
    TRACEBACK_LIMIT,
    TYPE_LIMIT,
    Raised,
    cut_middle,
    error_of,
    failure_from,
    failure_of,
    kept_of,
    read_kept,
)

TEXTS = st.text(st.characters(codec=None, categories=None))  # lone surrogates too


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


class Odd(Exception):
    """Nothing of it can be trusted."""

    def __init__(self, text: Any, notes: Any = None) -> None:
        self.text = text
        if notes is not None:
            self.__notes__ = notes

    def __str__(self) -> str:
        if isinstance(self.text, BaseException):
            raise self.text
        return self.text  # type: ignore[no-any-return]


class OddMeta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise ValueError


class Nameless(Exception, metaclass=OddMeta):
    pass


MESSAGES = st.one_of(
    TEXTS, TEXTS.map(lambda text: text * 5000), st.integers(), st.just(ValueError()), st.just(SystemExit())
)
ERRORS = st.recursive(
    st.builds(Odd, MESSAGES, st.one_of(st.none(), st.lists(TEXTS), st.integers(), st.lists(st.integers())))
    | st.builds(ValueError, TEXTS)
    | st.sampled_from([KeyError, SystemExit, GeneratorExit, KeyboardInterrupt]).map(lambda kind: kind())
    | st.builds(SyntaxError, TEXTS, st.tuples(TEXTS, st.one_of(st.integers(), TEXTS), st.integers(), TEXTS)),
    lambda inner: st.builds(BaseExceptionGroup, TEXTS, st.lists(inner, min_size=1, max_size=3)),
    max_leaves=5,
)


@settings(deadline=None, max_examples=60)
@given(ERRORS, ERRORS)
def test_any_exception_is_told_with_its_type_and_survives_a_repair(error: BaseException, cause: BaseException) -> None:
    error.__cause__ = cause
    failed = failure_of(raised(error))
    assert failed.error["type"] == type(error).__name__
    assert len(failed.error["message"]) <= MESSAGE_LIMIT
    assert len(failed.traceback) <= TRACEBACK_LIMIT + 100 and type(error).__name__ in failed.traceback
    text = json.dumps([failed.error, failed.traceback], ensure_ascii=False)
    assert json.loads(text.encode()) == [failed.error, failed.traceback]
    assert read_kept(kept_of(failed.error, failed.traceback).encode(), failed.traceback) == failed.error


def test_a_class_without_a_name_is_an_exception() -> None:
    assert failure_of(raised(Nameless("x"))).error["type"] == "Exception"


class Liar(Exception):
    @property
    def __class__(self) -> Any:
        raise SystemExit("no class")

    @__class__.setter
    def __class__(self, value: Any) -> None: ...

    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise SystemExit("no traceback")


def test_a_class_that_raises_when_it_is_looked_at_keeps_no_job_from_ending() -> None:
    failed = failure_of(Liar("x"))
    assert failed.error == {"type": "Liar", "message": "x"}


def test_whatever_can_not_be_told_at_all_is_a_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.failure._failure_of", lambda error: 1 / 0)
    assert failure_of(ValueError("x")).error == {"type": "Exception", "message": "(what was raised can't be shown)"}


def test_what_was_told_already_is_told_again() -> None:
    failed = failure_of(raised(ValueError("x")))
    assert failure_of(raised(Raised(failed))) is failed


def test_a_long_error_keeps_its_beginning_and_its_end() -> None:
    def deep(count: int) -> None:
        try:
            raise ValueError(f"number {count} " + "x" * 10_000_000 + " the end")
        except ValueError as error:
            if count:
                deep(count - 1)
            raise error

    with pytest.raises(ValueError) as caught:
        deep(20)
    text = failure_of(caught.value).traceback
    assert len(text) <= TRACEBACK_LIMIT + 100
    assert text.startswith("Traceback") and text.endswith(" the end\n") and "characters are left out" in text


def test_an_error_within_very_many_others_is_told() -> None:
    error: Exception = ValueError("the first")
    for _ in range(sys.getrecursionlimit() * 2):
        error = ExceptionGroup("a group", [error])
    failed = failure_of(raised(error))
    assert failed.error == {"type": "ExceptionGroup", "message": "a group (1 sub-exception)"}
    assert "ExceptionGroup" in failed.traceback


def test_messages_and_types_are_cut() -> None:
    assert error_of("ValueError", "x" * 10_000) == {"type": "ValueError", "message": "x" * MESSAGE_LIMIT}
    assert error_of("E" * 10_000, "")["type"] == "E" * TYPE_LIMIT
    assert cut_middle("abcdef", 6) == "abcdef" and cut_middle("abcdefgh", 4) == "ab… 4 characters are left out …gh"


@pytest.mark.parametrize(
    "kept",
    [
        None,
        b"",
        b"{",
        b"null",
        b"5",
        b'{"type": 5, "message": "x", "of": 1}',
        b'{"type": "A", "message": "x"}',
        b"\xff",
    ],
)
def test_what_was_not_kept_is_read_of_the_traceback(kept: bytes | None) -> None:
    assert read_kept(kept, "Traceback\nworkers.errors.Odd: x") == {"type": "Odd", "message": "x"}


def test_an_error_that_was_kept_goes_with_its_own_traceback_alone() -> None:
    kept = kept_of(error_of("First", "one"), "First: one").encode()
    assert read_kept(kept, "First: one") == {"type": "First", "message": "one"}
    assert read_kept(kept, "Second: two") == {"type": "Second", "message": "two"}


def test_rqs_own_sentences_are_errors_too() -> None:
    assert failure_from("AbandonedJobError, at noon")["type"] == "AbandonedJobError"
    assert failure_from("Work-horse terminated") == {"type": "Failed", "message": "Work-horse terminated"}
