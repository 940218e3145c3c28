"""Values checked by pydantic models, and what is wrong with them, field by field.

A wrong value costs what its model allows, never what was sent: a list, set or dict stops at its first wrong entry, an
object with many more fields than its model has is refused as a whole, and an error names at most 20 fields.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

from workers.errors import BadArguments

FIELDS_LIMIT: Final = 20  # fields that an error names
SPARE: Final = 20  # fields beyond those of its model that an object may have and still get each of them named
NAME_LIMIT: Final = 80  # characters of a field's name in an error
GOT_LIMIT: Final = 80  # characters of a wrong value that an error repeats
EXPECTED_LIMIT: Final = 300  # characters
ROOM: Final = 8 * 1024  # bytes of JSON for the fields of one error
COLLECTIONS = frozenset({"list", "tuple", "set", "frozenset", "dict", "generator"})
OBJECTS = frozenset({"model-fields", "typed-dict", "dataclass-args"})
AS_THEY_ARE = frozenset({"default", "metadata", "expected"})  # values in a schema that are no schemas

Model = TypeVar("Model", bound=BaseModel)
Fields = dict[str, dict[str, str]]


def check(model: type[Model], data: Any, *, what: str, whole: str = "body") -> Model:
    """`data` as `model`. `whole` names the data itself in an error.

    Raises `BadArguments`: `what`, the names of the wrong fields.
    """
    try:
        found: Model = _validator(model).validate_python(data)
        return found
    except ValidationError as error:
        fields = fields_of(error, whole)
        raise BadArguments(f"{what}: {', '.join(sorted(fields))}", fields) from error


@lru_cache(None)
def _validator(model: type[BaseModel]) -> SchemaValidator:
    return SchemaValidator(_stopping_early(model.__pydantic_core_schema__), _use_prebuilt=False)


def _stopping_early(schema: Any) -> Any:
    """A copy of a core schema whose errors are bounded."""
    if isinstance(schema, list | tuple):
        return type(schema)(map(_stopping_early, schema))
    if not isinstance(schema, dict):
        return schema
    copy = {key: value if key in AS_THEY_ARE else _stopping_early(value) for key, value in schema.items()}
    kind = copy.get("type")
    if isinstance(kind, str) and kind in COLLECTIONS:
        copy["fail_fast"] = True
    elif isinstance(kind, str) and kind in OBJECTS:
        return _bounded(copy)
    return copy


def _bounded(schema: dict[str, Any]) -> CoreSchema:
    most = len(schema["fields"]) + SPARE

    def refuse_many(value: Any) -> Any:
        if isinstance(value, Mapping) and len(value) > most:
            raise PydanticCustomError("too_many_fields", f"an object of at most {most} fields")
        return value

    ref = schema.pop("ref", None)
    return core_schema.no_info_before_validator_function(refuse_many, schema, ref=ref)


def fields_of(error: ValidationError, whole: str = "body") -> Fields:
    """pydantic's errors as {field: {expected, got}}: the first 20 at most, and no more than 8 KB of them."""
    fields: Fields = {}
    room = ROOM
    for item in error.errors(include_url=False):
        name = cut(".".join(str(part)[:NAME_LIMIT] for part in item["loc"]), NAME_LIMIT) or whole
        if name in fields:
            continue
        wrong = _wrong(item)
        room -= 2 * len(json.dumps(name)) + len(json.dumps(wrong))  # the message names it too
        if fields and (room < 0 or len(fields) == FIELDS_LIMIT):
            break
        fields[name] = wrong
    return fields


def with_fields(error: BadArguments) -> str:
    """What an error says, for people who see no fields beside it."""
    fields = (f"{name}: expected {one['expected']}, got {one['got']}" for name, one in error.fields.items())
    return f"{str(error).partition(': ')[0]}: {'; '.join(fields)}"


def _wrong(item: Mapping[str, Any]) -> dict[str, str]:
    value = item["input"]
    if item["type"] == "missing":
        return {"expected": "a value", "got": "nothing"}
    if item["type"] == "extra_forbidden":
        return {"expected": "no field of this name", "got": shown(value)}
    if item["type"] == "too_many_fields":
        return {"expected": item["msg"], "got": f"{len(value)} fields"}
    expected = item["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return {"expected": cut(expected, EXPECTED_LIMIT), "got": shown(value)}


def shown(value: Any) -> str:
    """`value` as JSON, cut to what fits into a message; of a long one only the beginning is looked at."""
    text = ""
    try:
        if isinstance(value, str):
            value = value[: GOT_LIMIT + 1]
        # step by step: `dumps` would write all of it first
        for piece in json.JSONEncoder(default=repr, ensure_ascii=False).iterencode(value):
            text += piece[: GOT_LIMIT + 1]
            if len(text) > GOT_LIMIT:
                break
    except Exception:  # nested too deeply, or in itself; or whatever the repr() of a value of somebody's raises
        text = type(value).__name__
    return cut(text, GOT_LIMIT)


def cut(text: str, limit: int) -> str:
    """`text` with at most `limit` characters; `…` shows that some are missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
