"""A worker with odd tasks: they return, or raise, whatever Python makes of a text; and one takes all kinds of types."""

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from rq import Retry

from workers import store
from workers.settings import Settings
from workers.small import BatchingWorker
from workers.tasks import Task, Tasks, task


class Colour(Enum):
    RED = "red"


class Line(BaseModel):
    when: datetime
    colours: set[Colour] = set()
    price: Decimal = Field(alias="Price")


@dataclass
class Place:
    x: float
    y: float = 0.0


def tests_return(text: str) -> Any:
    return eval(text, {"Retry": Retry})


@task
def odd_typed(  # type: ignore[no-untyped-def]
    when: datetime,
    day: date,
    price: Decimal,
    ids: set[int],
    line: Line,
    kind: Colour,
    raw: bytes,
    pause: timedelta,
    place: Place,
    /,
    anything,
    *,
    pairs: dict[int, tuple[str, ...]],
    model_config: str = "",
    _hidden: int = 0,
    json: date = None,  # type: ignore[assignment]  # noqa: RUF013
) -> Any:
    """Takes all kinds of types"""
    return {name: repr(value) for name, value in locals().items()}


@task
async def odd_async(x: int) -> int:
    """Takes its time"""
    await asyncio.sleep(0)
    return sum(await asyncio.gather(asyncio.sleep(0, x), asyncio.sleep(0, x)))


@task(small=True)
def odd_raise(text: str) -> None:
    """Raises what a text makes"""
    names: dict[str, Any] = {}
    exec(text, names)
    names["fail"]()


MADE: list[Task] = [getattr(function, "headway_task") for function in (odd_typed, odd_async, odd_raise)]  # noqa: B009
TASKS = Tasks({made.name: made for made in (*MADE, Task("tests_return", tests_return, "default", 60))})

if __name__ == "__main__":
    settings = Settings.from_environment(os.environ, Path.cwd())
    worker = BatchingWorker(
        "headway.default", settings=settings, tasks=TASKS, connection=store.connect(settings.redis_url)
    )
    worker.work(logging_level="WARNING")
    sys.exit(0)
