"""Arguments as a signature says them: whatever JSON there is comes back as it was, or is refused by its name."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from workers.errors import BadArguments, HeadwayError
from workers.signature import Signature

TEXTS = st.text(st.characters(codec=None, categories=None), max_size=20)  # lone surrogates too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def echo(value, other: Any = 1):  # type: ignore[no-untyped-def]
    return value


class Inner(BaseModel):
    at: datetime | None = None
    price: Decimal = Field(default=Decimal(0), validation_alias="Price", serialization_alias="cost")
    more: dict[str, Any] = {}
    number: float = 0.0


def typed(number: float, text: str, ids: set[int], inner: Inner, raw: bytes, pairs: dict[int, float]) -> list[Any]:
    return [number, text, ids, inner, raw, pairs]


ECHO, TYPED = Signature("echo", echo), Signature("typed", typed)


def same(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)  # 1, 1.0 and True are three things


@settings(deadline=None, max_examples=80)
@given(JSON)
def test_any_json_comes_back_as_it_was_or_is_refused_by_its_name(value: Any) -> None:
    try:
        kept, text = ECHO.keep({"value": value})
    except BadArguments as error:
        assert set(error.fields) == {"value"} and ("NaN" in json.dumps(value) or "Infinity" in json.dumps(value))
        return
    text.encode()
    assert same(ECHO.call((), json.loads(json.dumps(kept, allow_nan=False))), value)
    assert same(ECHO.keep(kept)[0], kept), "once more is the same"


@settings(deadline=None, max_examples=80)
@given(
    st.fixed_dictionaries(
        {
            "number": st.floats() | st.integers() | st.just("nan"),
            "text": TEXTS,
            "ids": st.lists(st.integers(), max_size=3) | st.sets(st.integers(), max_size=3),
            "inner": st.fixed_dictionaries({}, optional={"at": st.datetimes(), "Price": st.decimals(), "more": JSON}),
            "raw": st.binary(max_size=6) | TEXTS,
            "pairs": st.dictionaries(st.integers(), st.floats(), max_size=2),
        }
    )
)
def test_any_python_value_is_what_the_function_gets_or_is_refused_by_its_name(args: Any) -> None:
    try:
        kept, _ = TYPED.keep(args)
    except BadArguments as error:
        assert {name.partition(".")[0] for name in error.fields} <= set(args)
        return
    stored = json.loads(json.dumps(kept, allow_nan=False))
    number, text, ids, inner, raw, pairs = TYPED.call((), stored)
    assert (number, text, ids) == (float(args["number"]), args["text"], set(args["ids"]))
    assert inner == Inner(**args["inner"]) and pairs == args["pairs"]
    assert raw == (args["raw"] if isinstance(args["raw"], bytes) else args["raw"].encode())
    assert TYPED.call((), TYPED.keep(stored)[0]) == TYPED.call((), stored), "once more is the same"


def test_one_name_of_two_keys_is_refused() -> None:
    with pytest.raises(BadArguments) as refused:
        ECHO.keep({"value": {1: "a", "1": "b"}})
    assert set(refused.value.fields) == {"value"}


@pytest.mark.parametrize("value", [object(), {1, 2}.__iter__(), lambda: None, 1j, {"a": {(1, 2): 3}}])
def test_what_json_has_no_form_for_is_refused(value: Any) -> None:
    with pytest.raises(BadArguments) as refused:
        ECHO.keep({"value": value})
    assert set(refused.value.fields) == {"value"}


@pytest.mark.parametrize("depth", [101, 400, 5000])
def test_what_is_nested_too_deeply_is_refused_by_its_name(depth: int) -> None:
    value: Any = None
    for _ in range(100):
        value = [value]
    assert ECHO.keep({"value": value})[0]["value"] == value
    for _ in range(depth - 100):
        value = [value]
    with pytest.raises(BadArguments) as refused:
        ECHO.keep({"value": value})
    assert refused.value.fields["value"]["expected"] == "lists and objects at most 100 deep in each other"


class Hostile:
    def __repr__(self) -> str:
        raise ValueError

    __eq__ = __hash__ = __str__ = __repr__  # type: ignore[assignment]


def test_a_value_that_can_not_even_be_shown_is_refused() -> None:
    with pytest.raises(BadArguments):
        ECHO.keep({"value": Hostile()})


def test_secrets_within_models_are_found() -> None:
    class Login(BaseModel):
        password: SecretStr

    def login(who: list[Login]) -> None: ...

    with pytest.raises(HeadwayError, match="kept and shown"):
        Signature("login", login)


def test_a_record_of_the_release_before_that_holds_infinity_still_runs() -> None:
    assert (
        TYPED.call((), {"number": float("inf"), "text": "", "ids": [], "inner": {}, "raw": "", "pairs": {}})[0] > 1e308
    )
