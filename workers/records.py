"""Records in Redis that anybody may have written: what can't be read is passed over, and said once in the log."""

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.client import Pipeline
from redis.exceptions import RedisError, ResponseError

LARGEST: Final = 2**53 - 1
KNOWN: Final = 4096  # names of which it is known that they were said

log = logging.getLogger("headway.records")


def execute(pipeline: Pipeline, instead: Any = None) -> list[Any]:
    """What each command of `pipeline` answers; `instead` where its key is of another type. Raises RedisError."""
    return [_or_raise(reply, instead) for reply in pipeline.execute(raise_on_error=False)]


def ask(command: Callable[[], Any], instead: Any = None) -> Any:
    """What `command` returns; `instead` where its key is of another type. Raises RedisError."""
    try:
        return command()
    except ResponseError as error:
        return _or_raise(error, instead)


def _or_raise(reply: Any, instead: Any) -> Any:
    if isinstance(reply, Exception) and is_wrong_type(reply):
        return instead
    if isinstance(reply, Exception):
        raise reply
    return reply


def is_wrong_type(error: Exception) -> bool:
    """Whether Redis says that a key is of another type than the command needs."""
    return isinstance(error, ResponseError) and "WRONGTYPE" in str(error)


def is_away(error: Exception) -> bool:
    """Whether it is Redis itself that did not answer, and not a record that can't be read."""
    return isinstance(error, RedisError) and not is_wrong_type(error)


def each(act: Callable[[Sequence[Any]], object], items: Sequence[Any], step: int = 1) -> None:
    """`act` on all `items`, `step` at a time. One that can't be read is said, and keeps none from the others.

    Raises RedisError where Redis is away.
    """
    for start in range(0, len(items), step):
        part = items[start : start + step]
        try:
            act(part)
        except Exception as error:  # whatever a record of rubbish comes to
            if is_away(error):
                raise
            if len(part) > 1:
                each(act, part)
            else:
                say(str(part[0]), repr(error))


def text(value: bytes | str | None) -> str:
    """Whatever it is, as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def whole(value: bytes | str | None) -> int:
    """A number that somebody counts in; 0 where it is none, or larger than JavaScript holds."""
    digits = text(value)
    is_fine = digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST)) and int(digits) <= LARGEST
    return int(digits) if is_fine else 0


@functools.lru_cache(KNOWN)
def say(name: str, why: str) -> None:
    """Log that the record `name` can't be read: once, as long as not thousands of others have come in between."""
    log.warning("%.200s can't be read: %.200s", name, why)
