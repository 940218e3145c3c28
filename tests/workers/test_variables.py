"""What the parsers of environment variables share, and which variables there are."""

import re

import pytest

from tests.conftest import ROOT
from workers.variables import NAMES, expected, misspelt, scheme


def test_an_error_names_the_variable_what_was_expected_and_what_came() -> None:
    assert expected("PORT", "a number", "http") == "PORT: expected a number, got 'http'"


@pytest.mark.parametrize(
    ("url", "kind"),
    [("https://a.test", "https"), ("unix:///a", "unix"), ("cache", ""), ("redis://a:port", ""), ("redis://[half", "")],
)
def test_the_kind_of_a_url(url: str, kind: str) -> None:
    assert scheme(url) == kind


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HEADWAY_ORGINS", "HEADWAY_ORIGINS"),
        ("headway_origins", "HEADWAY_ORIGINS"),
        ("HEADWAY_MAX_MEMORY", "HEADWAY_MAXMEMORY"),
        ("HEADWAY_PORT", "PORT"),
        ("HEADWAY_SECRETKEY", "SECRET_KEY"),
        ("HEADWAY_COLOUR", ""),
    ],
)
def test_a_setting_that_is_none_is_named_with_the_one_that_may_be_meant(name: str, meant: str) -> None:
    hint = f"; did you mean {meant}?" if meant else ""
    assert misspelt(["PATH", name]) == [f"{name} is not a setting of Headway and changes nothing{hint}"]


def test_all_that_is_read_is_known_and_told_of() -> None:
    read: set[str] = set()
    for path in [*(ROOT / "workers").rglob("*.py"), *(ROOT / "realtime").rglob("*.py")]:
        read |= set(re.findall(r'"(HEADWAY_[A-Z_]+)"', path.read_text()))
    assert read == {name for name in NAMES.values() if name.startswith("HEADWAY_")} and not misspelt(NAMES.values())
    told = set(re.findall(r"HEADWAY_[A-Z_]*[A-Z]", (ROOT / "README.md").read_text()))
    assert told == read
