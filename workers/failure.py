"""What is kept of an exception, whatever it is: its type, its message, its traceback, each of them cut. Pure.

A task may raise anything: an error whose str() raises, or is 50 MB; none of that may keep its job from ending.
"""

import re
import traceback
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from workers.errors import HeadwayError
from workers.shape import is_error
from workers.wire import decode, encode, without_halves

TYPE_LIMIT: Final = 100  # characters of an error's type
MESSAGE_LIMIT: Final = 500  # characters of its message
TRACEBACK_LIMIT: Final = 64 * 1024  # characters
PART_LIMIT: Final = 8 * 1024  # characters of one message, or note, in a traceback
NOTES_LIMIT: Final = 100  # notes of one error
KEPT: Final = "headway_error"  # the field of RQ's record of a job


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception, as far as it is kept."""

    error: dict[str, str]  # {type, message}
    traceback: str


class Raised(HeadwayError):
    """In the place of what a task raised: RQ formats errors itself, and would fail at some."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error["type"])
        self.failure = failure


def failure_of(error: BaseException) -> Failure:
    """What is kept of `error`. It raises nothing itself."""
    try:
        return error.failure if issubclass(type(error), Raised) else _failure_of(error)  # type: ignore[attr-defined]
    except BaseException:  # there is no end to what a class of somebody's may do
        return Failure(error_of("Exception", "(what was raised can't be shown)"), "")


def _failure_of(error: BaseException) -> Failure:
    kind = type(error)
    name = _text(lambda: kind.__name__, "Exception")
    message = _text(
        lambda: str(error), f"(its message can't be shown: str() of a {cut_middle(name, TYPE_LIMIT)} fails)"
    )
    kept = error_of(without_halves(cut_middle(name, PART_LIMIT)), without_halves(message[: MESSAGE_LIMIT + 1]))
    try:
        lines = _bounded(_formatted(error))
    except BaseException:  # an error may have anything for its traceback, notes, lines
        lines = _text(lambda: _bounded(traceback.format_tb(error.__traceback__)), "")
        lines += f"{cut_middle(name, PART_LIMIT)}: {cut_middle(message, PART_LIMIT)}\n"
    return Failure(kept, without_halves(lines))


def _text(read: Callable[[], object], instead: str) -> str:
    try:
        text = read()
        return str.__str__(text) if isinstance(text, str) else instead
    except BaseException:  # SystemExit, too, if that is what somebody's __str__ raises
        return instead


def _formatted(error: BaseException) -> Iterable[str]:
    told = traceback.TracebackException.from_exception(error)
    waiting, seen = [told], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        _cut_texts(one)
        others = (one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ()))
        waiting.extend(other for other in others if other is not None)
    return told.format()


def _cut_texts(told: Any) -> None:
    """Before they are joined and indented: 50 MB of text take seconds there."""
    for name in ("_str", "msg", "text"):
        if isinstance(text := getattr(told, name, None), str):
            setattr(told, name, cut_middle(text, PART_LIMIT))
    notes = getattr(told, "__notes__", None)
    if isinstance(notes, list | tuple):
        told.__notes__ = [_note(note) for note in notes[:NOTES_LIMIT]]


def _note(note: object) -> str:
    return cut_middle(_text(lambda: str(note), "(a note that can't be shown)"), PART_LIMIT)


def _bounded(parts: Iterable[str]) -> str:
    """The beginning and the end of them all."""
    head, tail, room, kept, left_out = [], deque[str](), TRACEBACK_LIMIT // 2, 0, 0
    for part in parts:
        part = cut_middle(part, PART_LIMIT)
        if not tail and len(part) <= room:
            head.append(part)
            room -= len(part)
            continue
        tail.append(part)
        kept += len(part)
        while kept > TRACEBACK_LIMIT // 2:
            gone = len(tail.popleft())
            kept, left_out = kept - gone, left_out + gone
    word = [f"  … {left_out:,} characters are left out …\n"] if left_out else []
    return "".join([*head, *word, *tail])


def cut_middle(text: str, limit: int) -> str:
    """`text` with some `limit` characters of its beginning and its end, and how many are left out between."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]}… {len(text) - limit:,} characters are left out …{text[-(limit // 2) :]}"


def error_of(type_name: str, message: str) -> dict[str, str]:
    return {"type": type_name[:TYPE_LIMIT], "message": message[:MESSAGE_LIMIT]}


def failure_from(exc_string: str) -> dict[str, str]:
    """{type, message} of a traceback's last line, or of one of RQ's own sentences."""
    last = exc_string.strip().rpartition("\n")[2]
    if "AbandonedJobError" in last:
        return error_of("AbandonedJobError", "the worker went silent while it ran the job")
    kind, colon, message = last.partition(": ")
    if colon and re.fullmatch(r"[\w.]+", kind):
        return error_of(kind.rpartition(".")[2], message)
    return error_of("Failed", last)


# -- beside RQ's result, so that an error reads the same after a repair


def kept_of(error: dict[str, str], exc_string: str) -> str:
    """{type, message} as it is kept beside the traceback `exc_string`, which it goes with."""
    return encode({**error, "of": _mark(exc_string)})


def read_kept(kept: bytes | None, exc_string: str) -> dict[str, str]:
    """{type, message} of a failure: what was kept of it, or else what its traceback says."""
    try:
        error = decode(kept or b"null")
        if is_error(error) and error is not None and error.get("of") == _mark(exc_string):
            return error_of(error["type"], error["message"])
    except (ValueError, RecursionError):
        pass  # rubbish is as good as nothing
    return failure_from(exc_string)


def _mark(exc_string: str) -> int:
    return zlib.crc32(exc_string.encode(errors="replace"))
