"""Of which type each field of a state is, as clients expect it. Pure."""

import json
import operator
from collections.abc import Mapping
from typing import Any, Final

LARGEST_INTEGER: Final = 2**53 - 1  # JavaScript's Number.MAX_SAFE_INTEGER
DEPTH_LIMIT: Final = 100  # lists and objects within each other, of an argument and of a result
TEXTS: Final = ("id", "task", "queue", "unit", "description")
TIMES: Final = ("created_at", "enqueued_at", "started_at", "ended_at", "updated_at")


def first_wrong(fields: Mapping[str, Any]) -> str | None:
    """The first of a state's fields that is of another type; None: there is none."""
    for name in TEXTS:
        if type(fields[name]) is not str:
            return name
    for name in TIMES:
        if not is_time(fields[name]):
            return name
    worker = fields["worker"]
    fine = {
        "version": is_whole(fields["version"]),
        "attempt": is_whole(fields["attempt"]),
        "completed": fields["completed"] is None or is_number(fields["completed"]),
        "total": fields["total"] is None or is_number(fields["total"]),
        "worker": worker is None or type(worker) is str,
        "result_truncated": type(fields["result_truncated"]) is bool,
        "error": is_error(fields["error"]),
        "meta": type(fields["meta"]) is dict,
    }
    return next((name for name, is_fine in fine.items() if not is_fine), None)


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number that JavaScript holds exactly enough (no bool)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST_INTEGER  # so neither infinite nor NaN


def as_number(value: Any) -> int | float | None:
    """A number of Python's, for one of any library's (numpy's, Decimal, Fraction); None for what is none, as a bool."""
    kind = type(value)
    if kind is int or kind is float:
        return value  # type: ignore[no-any-return]
    if "bool" in kind.__name__.lower() or isinstance(value, str | bytes):
        return None
    try:
        return operator.index(value) if hasattr(kind, "__index__") else float(value)
    except Exception:  # whatever somebody's type raises: reporting never fails
        return None


def is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) <= LARGEST_INTEGER


def is_time(value: Any) -> bool:
    """Unix time in ms, or none."""
    return value is None or is_whole(value)


def is_error(value: Any) -> bool:
    """{type, message}, or none."""
    return value is None or (type(value) is dict and {type(value.get(name)) for name in ("type", "message")} == {str})


def shares_a_name(value: Any) -> bool:
    """Whether two keys of one dict in `value` are one name in JSON, as 1 and "1" are: one of them would be lost."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if any(type(key) is not str for key in one) and len({_name_of(key) for key in one}) < len(one):
                return True
            waiting.extend(part for part in one.values() if isinstance(part, dict | list | tuple))
        elif isinstance(one, list | tuple):
            waiting.extend(part for part in one if isinstance(part, dict | list | tuple))
    return False


def is_too_deep(value: Any) -> bool:
    """Whether lists and dicts in `value` stand more than `DEPTH_LIMIT` deep in each other, or in themselves."""
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, dict | list | tuple):
            if depth > DEPTH_LIMIT:
                return True
            parts = one.values() if isinstance(one, dict) else one
            waiting.extend((part, depth + 1) for part in parts if isinstance(part, dict | list | tuple))
    return False


def _name_of(key: Any) -> str:
    """The name that JSON has for a key. Raises TypeError where it has none."""
    return key if isinstance(key, str) else json.dumps(key)
