"""Tasks with arguments of each kind that pydantic can describe."""

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from workers.tasks import task


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Order(BaseModel):
    name: str
    sizes: list[int] = []


@task(timeout=60)
def with_defaults(
    number: float = 1.5,
    flag: bool = True,
    maybe: int | None = None,
    some: int | None = 5,
    choice: Literal["a", "b"] = "a",
    color: Color = Color.BLUE,
    text: str = "hello",
    tags: list[str] = ["x"],  # noqa: B006
    counts: dict[str, int] = {},  # noqa: B006
    order: Order = Order(name="first"),  # noqa: B008
    day: date = date(2026, 1, 31),
    pause: timedelta = timedelta(minutes=5),
    price: Decimal = Decimal("9.90"),
    anything: Any = None,
) -> None:
    """Leave out what you don't need"""


@task(timeout=60)
def all_required(
    big: int,
    few: Annotated[int, Field(ge=1, le=10)],
    flag: bool,
    sure: bool | None,
    choice: Literal[1, "two"],
    color: Color,
    name: Annotated[str, Field(min_length=2)],
    note: str | None,
    numbers: set[int],
    pair: tuple[int, str],
    order: Order,
    day: date,
    at: datetime,
    hour: time,
    price: Decimal,
    id: UUID,
    either: int | str,
    raw: bytes,
) -> None:
    """Fill in all of it"""


@task(timeout=60)
def beyond_floats(
    number: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 2**53 + 1,
    alike: Literal[1, "1"] = 1,
    large: Literal[9007199254740992, 9007199254740993] = 9007199254740992,
) -> None:
    """Choose among values that look alike"""
