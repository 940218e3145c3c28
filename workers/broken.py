"""What of the tasks can't be used, and why: they are left out, and take nothing from the others."""

import inspect
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.errors import HeadwayError
from workers.failure import failure_of
from workers.fields import cut, shown
from workers.wire import INTERNAL_QUEUES

REASON_LIMIT = 300  # characters
LONGEST = 2**31 - 1  # seconds of a timeout: what every part that counts them holds


@dataclass(frozen=True, slots=True)
class Broken:
    """A task, or a whole module, that was left out."""

    file: str
    line: int
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.name} is left out: {self.reason}"


def check_mark(queue: Any, timeout: Any, queues: Collection[str] | None) -> None:
    """Raises `HeadwayError` where jobs of a task with these can't be made."""
    if type(timeout) is not int or not (1 <= timeout <= LONGEST or timeout == -1):
        expected = f"a whole number of seconds from 1 to {LONGEST:,}, or -1 for none"
        raise HeadwayError(f"timeout: expected {expected}, got {shown(timeout)}")
    offered = None if queues is None else [name for name in queues if name not in INTERNAL_QUEUES]
    if offered is not None and queue not in offered:
        raise HeadwayError(f"queue: expected one of {', '.join(offered)} (HEADWAY_QUEUES), got {shown(queue)}")


def unusable(name: str, function: Callable[..., Any], error: HeadwayError) -> Broken:
    """A task that `error` speaks of."""
    code = inspect.unwrap(function).__code__
    return Broken(_here(code.co_filename), code.co_firstlineno, name, cut(str(error), REASON_LIMIT))


def unimported(module: str, error: BaseException) -> Broken:
    """A module that raised `error` as it was imported."""
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
    else:
        frames = [one for one in traceback.extract_tb(error.__traceback__) if "importlib" not in one.filename]
        own = [one for one in frames if Path(one.filename).stem == module.rpartition(".")[2]] or frames
        file, line = (own[-1].filename, own[-1].lineno or 0) if own else (module, 0)
    kept = failure_of(error).error  # whatever its str() does
    said = error.msg if isinstance(error, SyntaxError) else kept["message"]
    return Broken(_here(file), line, module, cut(f"{kept['type']}: {said}", REASON_LIMIT))


def _here(file: str) -> str:
    """The file's path, from where we are if it is below that."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
