"""What of the tasks can't be used, and why: they are left out, and take nothing from the others."""

import inspect
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.errors import HeadwayError
from workers.fields import cut

REASON_LIMIT = 300  # characters


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
    if type(timeout) is not int or (timeout < 1 and timeout != -1):
        raise HeadwayError(f"timeout: expected a whole number of seconds from 1, or -1 for none, got {timeout!r:.80}")
    if queues is not None and queue not in queues:
        raise HeadwayError(f"queue: expected one of {', '.join(queues)} (HEADWAY_QUEUES), got {queue!r:.80}")


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
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return Broken(_here(file), line, module, cut(f"{type(error).__name__}: {said}", REASON_LIMIT))


def _here(file: str) -> str:
    """The file's path, from where we are if it is below that."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
