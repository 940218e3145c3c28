"""The JSON Schema of a task's arguments, without what JSON can't hold. Pure."""

from typing import Any, Final

from workers.errors import HeadwayError, WireError
from workers.shape import is_too_deep
from workers.wire import encode

BY_NAME: Final = frozenset({"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})
WITHIN: Final = frozenset(
    "items prefixItems contains additionalProperties propertyNames anyOf oneOf allOf not if then else"
    " unevaluatedItems unevaluatedProperties".split()
)
NEEDED: Final = frozenset({"const", "enum"})  # without them a schema would allow more


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` without defaults, examples and the like that JSON can't hold: NaN, Infinity, integers of over 4,300
    digits, values of Python's own. Raises `HeadwayError` where it says nothing true without such a value.
    """
    try:
        kept: dict[str, Any] = _without_what_json_lacks(schema)
    except RecursionError:
        raise HeadwayError("the JSON Schema of its arguments is nested too deeply, or in itself") from None
    if not _is_json(kept):
        for name, part in kept.get("properties", {}).items():
            if not _is_json(part):
                raise HeadwayError(f"{name}: its type allows values that JSON can't hold")
        raise HeadwayError("the type of an argument allows values that JSON can't hold")
    return kept


def _without_what_json_lacks(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_what_json_lacks(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, value in schema.items():
        if key in BY_NAME and isinstance(value, dict):
            kept[key] = {name: _without_what_json_lacks(one) for name, one in value.items()}
        elif key in WITHIN:
            kept[key] = _without_what_json_lacks(value)
        elif key in NEEDED or _is_json(value):
            kept[key] = value
    return kept


def _is_json(value: Any) -> bool:
    try:
        encode(value)
    except WireError:
        return False
    return not is_too_deep(value)
