"""What is wrong with a value is said in bounded work and space, whatever the value is."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from workers.errors import BadArguments
from workers.fields import FIELDS_LIMIT, NAME_LIMIT, ROOM, SPARE, check, cut, shown

MANY = 100_000


class Leaf(TypedDict):
    size: int


@dataclass
class Point:
    x: int


class Tree(BaseModel):
    """A model with every kind of place in which a validator goes on after an error."""

    model_config = ConfigDict(extra="forbid")
    name: str = ""
    numbers: list[int] = []
    by_name: dict[str, int] = {}
    unique: set[int] = set()
    pairs: tuple[int, ...] = ()
    leaf: Leaf | None = None
    point: Point | None = None
    below: "list[Tree]" = []


def wrong(data: Any) -> BadArguments:
    with pytest.raises(BadArguments) as refused:
        check(Tree, data, what="wrong fields")
    return refused.value


def many(value: Any) -> dict[str, Any]:
    return {f"k{number}": value for number in range(MANY)}


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (many(0), {"body"}),
        ({"numbers": ["x"] * MANY}, {"numbers.0"}),
        ({"by_name": many("x")}, {"by_name.k0"}),
        ({"unique": ["x"] * MANY}, {"unique.0"}),
        ({"pairs": ["x"] * MANY}, {"pairs.0"}),
        ({"leaf": many(0)}, {"leaf"}),
        ({"point": many(0)}, {"point"}),
        ({"below": [{"below": [many(0)]}]}, {"below.0.below.0"}),
        ({"below": [{"other": 1}] * MANY}, {"below.0.other"}),
    ],
)
def test_a_hundred_thousand_wrong_values_are_one_wrong_field(data: Any, names: set[str]) -> None:
    """Told at the first of them, or before any: so they cost no more than it does."""
    assert set(wrong(data).fields) == names


def test_an_object_may_have_some_more_fields_than_its_model_and_each_is_named() -> None:
    spare = len(Tree.model_fields) + SPARE
    assert len(wrong({f"k{number}": 0 for number in range(5)}).fields) == 5
    assert len(wrong({f"k{number}": 0 for number in range(spare)}).fields) == FIELDS_LIMIT
    assert wrong({f"k{number}": 0 for number in range(spare + 1)}).fields == {
        "body": {"expected": f"an object of at most {spare} fields", "got": f"{spare + 1} fields"}
    }


@pytest.mark.parametrize("letter", ["a", "\x00", "\U0001f600", "\\", '"', "\ud800"])
def test_names_and_values_are_cut_and_all_of_them_are_short(letter: str) -> None:
    error = wrong({letter * 1000 + str(number): letter * 1000 for number in range(25)})
    assert all(len(name) <= NAME_LIMIT for name in error.fields)
    assert len(json.dumps([str(error), error.fields])) <= ROOM + 4096


def test_what_is_right_comes_through_as_its_model_has_it() -> None:
    given = {"name": "a", "numbers": ["1"], "by_name": {"x": 1}, "unique": [1, 1], "pairs": [1, 2]}
    tree = check(Tree, {**given, "leaf": {"size": 1}, "point": {"x": 1}, "below": [given]}, what="wrong")
    assert isinstance(tree, Tree) and tree.numbers == [1] and tree.unique == {1} and tree.pairs == (1, 2)
    assert tree.point == Point(1) and tree.leaf == {"size": 1} and tree.below[0].name == "a"
    assert check(Tree, {}, what="wrong") == Tree()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ({"a": [1, "x"]}, '{"a": [1, "x"]}'),
        ("x" * 1_000, '"' + "x" * 78 + "…"),
        (["x" * 1_000, object()], '["' + "x" * 77 + "…"),
        ([{"a": "b" * 70}] * 1_000_000, '[{"a": "' + "b" * 70 + '"…'),
    ],
)
def test_of_a_wrong_value_only_the_beginning_is_shown(value: Any, text: str) -> None:
    assert shown(value) == text


def test_what_is_cut_says_so() -> None:
    assert cut("abc", 3) == "abc" and cut("abcd", 3) == "ab…"
