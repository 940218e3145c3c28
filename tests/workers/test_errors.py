"""The errors: one root to catch them by."""

import inspect

import pytest

from workers import errors
from workers.errors import BadArguments, HeadwayError

ERRORS = [error for _, error in inspect.getmembers(errors, inspect.isclass)]


def test_there_are_errors_to_look_at() -> None:
    assert {"HeadwayError", "BadArguments", "FetchError", "NotFound"} <= {error.__name__ for error in ERRORS}


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_has_the_one_root(error: type) -> None:
    assert issubclass(error, HeadwayError)
    assert issubclass(HeadwayError, Exception)


def test_bad_arguments_name_the_fields() -> None:
    fields = {"url": {"expected": "a value", "got": "nothing"}}
    error = BadArguments("count_words: wrong arguments: url", fields)
    assert (str(error), error.fields) == ("count_words: wrong arguments: url", fields)
