"""What JSON can't hold is in no schema; and a schema that needs it makes no task."""

import json
import math
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from workers.errors import HeadwayError
from workers.schema import strict
from workers.signature import Signature

HUGE = 10**5000
DEEP: Any = None
for _ in range(101):
    DEEP = [DEEP]


class Endless(Enum):
    UP = math.inf


class Inner(BaseModel):
    y: float = math.nan
    z: int = 7


def odd(
    a: float = math.inf,
    b: float = -math.inf,
    c: float = math.nan,
    d: int = HUGE,
    e: list[float] = [1.0, math.nan],  # noqa: B006
    f: dict[str, float] = {"x": math.inf},  # noqa: B006
    g: Annotated[float, Field(examples=[math.nan])] = 1.5,
    h: Annotated[int, Field(json_schema_extra={"x-most": math.inf, "x-least": 1})] = 2,
    i: Annotated[float, Field(le=math.inf)] = 3.0,
    j: Inner = Inner(),  # noqa: B008
    k: Any = DEEP,
    l: Any = Endless.UP,  # noqa: E741
    default: int = 4,
) -> list[Any]:
    return [a, b, c, d, e, f, g, h, i, j, k, l, default]


def test_defaults_and_examples_that_json_lacks_are_left_out() -> None:
    signature = Signature("odd", odd)
    schema = json.loads(json.dumps(signature.schema, allow_nan=False))
    shown = {name: one["default"] for name, one in schema["properties"].items() if "default" in one}
    assert shown == {"g": 1.5, "h": 2, "i": 3.0, "default": 4}
    assert "required" not in schema
    assert schema["$defs"]["Inner"]["properties"]["z"]["default"] == 7
    assert "default" not in schema["$defs"]["Inner"]["properties"]["y"]
    assert schema["properties"]["h"]["x-least"] == 1 and "x-most" not in schema["properties"]["h"]
    kept, _ = signature.keep({})
    assert kept == {"g": 1.5, "h": 2, "i": 3.0, "default": 4}
    got = signature.call((), kept)
    assert got[0] == math.inf and got[3] == HUGE and got[10] is DEEP and got[11] is Endless.UP and got[12] == 4


def test_a_type_that_needs_what_json_lacks_makes_no_task() -> None:
    def endless(x: Endless) -> None: ...
    def within(x: Annotated[Any, Field(json_schema_extra={"const": math.nan})]) -> None: ...

    with pytest.raises(HeadwayError, match="values that JSON can't hold"):
        Signature("endless", endless)
    with pytest.raises(HeadwayError, match="x: its type allows values that JSON can't hold"):
        Signature("within", within)
    circle: dict[str, Any] = {}
    circle["items"] = circle
    with pytest.raises(HeadwayError, match="nested too deeply"):
        strict(circle)
