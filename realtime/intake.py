"""What the body of a submit asks for, read and checked as far as that needs neither Redis nor the sender.

Runs where `realtime/aside.py` has it run: small bodies on the hub, large ones in a process of their own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict

from realtime.schemas import also
from workers.arguments import Arguments, each
from workers.errors import BadArguments
from workers.fields import NAME_LIMIT, Model, check, cut
from workers.jobs.books import is_book_url
from workers.queue import BULK_LIMIT, check_bulk
from workers.tasks import Tasks
from workers.wire import no_constant

ANY_OBJECT = {"type": "object", "additionalProperties": True}
HUB_LIMIT = 64 * 1024  # bytes of a body that are read where viewers are served
REASON_LIMIT = 200  # characters
URL_LIMIT = 2000  # characters of an address that a stranger names


class Notify(BaseModel):
    """The receivers of a job's ends: at least one of them."""

    model_config = ConfigDict(extra="forbid")
    # what is wrong with them is said by realtime/notify.py: no error repeats an address
    webhook: Annotated[str, also(format="uri", maxLength=URL_LIMIT)] | None = None
    email: Annotated[str, also(format="email", maxLength=254)] | None = None  # one address


class Submission(BaseModel):
    """The body of a submit."""

    model_config = ConfigDict(extra="forbid")
    task: str
    args: dict[str, Any] = {}
    queue: str | None = None
    notify: Notify | None = None


class BulkSubmission(BaseModel):
    """The body of a bulk submit."""

    model_config = ConfigDict(extra="forbid")
    task: str
    # each is checked by its task: a model here would name fields by another path
    args: Annotated[list[Any], also(minItems=1, maxItems=BULK_LIMIT, items=ANY_OBJECT)]
    queue: str | None = None


class AgainRequest(BaseModel):
    """The body of a job that is submitted again; it may be missing."""

    model_config = ConfigDict(extra="forbid")
    args: dict[str, Any] | None = None  # None: the same


@dataclass(frozen=True, slots=True)
class Order:
    """How to read a body."""

    kind: Literal["one", "many", "again", "books"]
    about: str = ""  # again: the task; books: how their addresses begin


@dataclass(frozen=True, slots=True)
class Intake:
    """What a body asks for."""

    task: str
    arguments: Sequence[Arguments]
    queue: str | None = None
    notify: Notify | None = None


def read(order: Order, body: bytes, tasks: Tasks) -> Intake:
    """Raises `BadArguments`, and `WireError` where JSON can't hold an argument."""
    if order.kind == "one":
        one = as_model(body, Submission)
        ready = Arguments.of(tasks.named(one.task), one.args)
        return Intake(one.task, [ready], one.queue, one.notify)
    if order.kind == "many":
        many = as_model(body, BulkSubmission)
        task = tasks.named(many.task)
        check_bulk(many.args)
        return Intake(many.task, each(task, many.args), many.queue)
    if order.kind == "again":
        args = as_model(body, AgainRequest).args
        return Intake(order.about, [] if args is None else [Arguments.of(tasks.named(order.about), args)])
    links = as_json(body)
    valid = list(dict.fromkeys(link for link in links if is_book_url(link, order.about))) if _is_list(links) else []
    if not 1 <= len(valid) <= BULK_LIMIT:
        raise BadArguments("expected a list of addresses of books", {})
    return Intake("parse_book", each(tasks.get("parse_book"), [{"url": link} for link in valid]))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def as_json(body: bytes) -> Any:
    """Raises `BadArguments`."""
    try:
        return json.loads(body, parse_constant=no_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        why = cut(str(error), REASON_LIMIT)
        raise BadArguments(f"expected a JSON body: {why}", {"body": {"expected": "JSON", "got": why}}) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError where a name stands twice: one of its values would be lost."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {cut(twice, NAME_LIMIT)!r} stands twice in one object")
    return made


def as_model(body: bytes, model: type[Model]) -> Model:
    """Raises `BadArguments`."""
    data = as_json(body)
    if not isinstance(data, dict):
        got = type(data).__name__
        raise BadArguments(f"expected a JSON object, got {got}", {"body": {"expected": "an object", "got": got}})
    return check(model, data, what="wrong fields")
