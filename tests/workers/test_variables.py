"""What the parsers of environment variables share."""

import pytest

from workers.variables import expected, scheme


def test_an_error_names_the_variable_what_was_expected_and_what_came() -> None:
    assert expected("PORT", "a number", "http") == "PORT: expected a number, got 'http'"


@pytest.mark.parametrize(
    ("url", "kind"),
    [("https://a.test", "https"), ("unix:///a", "unix"), ("cache", ""), ("redis://a:port", ""), ("redis://[half", "")],
)
def test_the_kind_of_a_url(url: str, kind: str) -> None:
    assert scheme(url) == kind
