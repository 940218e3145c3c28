"""Tasks: functions that may be run as jobs, found by name, with typed arguments."""

import importlib
import inspect
import logging
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any, TypeVar, overload

from workers.broken import Broken, check_mark, unimported, unusable
from workers.errors import BadArguments, HeadwayError, UnknownTask
from workers.fields import GOT_LIMIT, shown
from workers.process import told_of_interrupts
from workers.signature import Signature

DEFAULT_QUEUE = "default"
DEFAULT_TIMEOUT = 7200  # seconds

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger("headway.tasks")


@dataclass(frozen=True)
class Task:
    """A registered function."""

    name: str
    function: Callable[..., Any]
    queue: str
    timeout: int  # seconds
    small: bool = False  # whether one process may run many of its jobs, one after the other
    internal: bool = False  # whether only Headway itself makes jobs of it
    fetches: bool = False  # whether it takes in what strangers serve, and so has a ceiling of memory

    @cached_property
    def arguments(self) -> Signature:
        """Raises `HeadwayError`, which says why, where the function takes what no job can bring."""
        return Signature(self.name, self.function)

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    def parse(self, args: Any) -> dict[str, Any]:
        """`args` as they are kept: JSON values, with defaults.

        Raises `BadArguments` naming each field that is wrong.
        """
        return self.keep(args)[0]

    def keep(self, args: Any) -> tuple[dict[str, Any], str]:
        """As `parse`, and their JSON text."""
        if not isinstance(args, Mapping):
            got = type(args).__name__
            raise BadArguments(
                f"{self.name}: expected args to be an object, got {got}",
                {"args": {"expected": "an object", "got": got}},
            )
        return self.arguments.keep(args)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments by their names. Raises `BadArguments`."""
        return self.arguments.bind(args, kwargs)

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the function returns for arguments that were kept: a coroutine, where it is `async`.

        Raises `BadArguments`, and whatever the function raises.
        """
        return self.arguments.call(args, kwargs)

    def describe(self) -> dict[str, Any]:
        """{name, summary, queue, timeout, arguments: JSON Schema}."""
        return {
            "name": self.name,
            "summary": self.summary,
            "queue": self.queue,
            "timeout": self.timeout,
            "arguments": self.arguments.schema,
        }


class Tasks:
    """The registry: every task by its name."""

    def __init__(self, tasks: Mapping[str, Task], broken: Sequence[Broken] = ()) -> None:
        self._tasks = dict(sorted(tasks.items()))
        self.broken = tuple(broken)  # what was left out, and why

    @classmethod
    def collect(cls, package: ModuleType, queues: Collection[str] | None = None) -> "Tasks":
        """Every function marked with `@task` in the modules of `package`. What can't be used is in `broken`.

        `queues` are those that jobs may wait in; None: any. A task whose queue, or time, can't be is offered to
        nobody, but what jobs there are of it run.
        """
        found: dict[str, Task] = {}
        broken: list[Broken] = []
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            try:
                with told_of_interrupts() as interrupted:
                    functions = inspect.getmembers(importlib.import_module(module.name), inspect.isfunction)
            except BaseException as error:  # whatever a module of somebody's raises
                if interrupted():
                    raise
                broken.append(unimported(module.name, error))
                continue
            for _, function in functions:
                task_ = getattr(function, "headway_task", None)
                if not isinstance(task_, Task) or function.__module__ != module.name:
                    continue
                if not isinstance(task_.name, str):
                    why = HeadwayError(f"name: expected a text, got {shown(task_.name)}")
                    broken.append(unusable(function.__name__, function, why))
                    continue
                if (other := found.get(task_.name)) is task_:
                    continue  # it has two names in its module
                try:
                    if other is not None:
                        raise HeadwayError(f"another task of this name is in {other.function.__module__}")
                    _ = task_.arguments
                    found[task_.name] = task_
                    check_mark(task_.queue, task_.timeout, None if task_.internal else queues)
                except HeadwayError as error:
                    broken.append(unusable(task_.name, function, error))
                    if other is None and task_.name in found:
                        found[task_.name] = replace(task_, internal=True)
        return cls(found, broken)

    def warn(self) -> None:
        """Log what was left out."""
        for one in self.broken:
            log.warning("%s", one)

    def get(self, name: Any) -> Task:
        """Raises `UnknownTask`."""
        try:
            return self._tasks[name]
        except (KeyError, TypeError):
            raise _unknown(name) from None

    def offered(self, name: Any) -> Task:
        """The task of this name that may be submitted. Raises `UnknownTask`."""
        task_ = self.get(name)
        if task_.internal:
            raise _unknown(name)
        return task_

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    def named(self, name: Any) -> Task:
        """As `offered`, of a submit. Raises `BadArguments`."""
        try:
            return self.offered(name)
        except UnknownTask:
            expected = f"one of {', '.join(task_.name for task_ in self)}"
            raise BadArguments(
                f"unknown task: expected {expected}", {"task": {"expected": expected, "got": shown(name)}}
            ) from None

    def is_small(self, name: Any) -> bool:
        """False, too, of a name that is none of a task, or where memory has a ceiling: such a job fails alone."""
        if not isinstance(name, str) or name not in self._tasks:
            return False
        return self._tasks[name].small and not self._tasks[name].fetches

    def __iter__(self) -> Iterator[Task]:
        """Those that may be submitted, by name."""
        return (task_ for task_ in self._tasks.values() if not task_.internal)


def _unknown(name: Any) -> UnknownTask:
    return UnknownTask(f"expected the name of a registered task, got {str(name)[:GOT_LIMIT]!r}")


@overload
def task(function: F, /) -> F: ...
@overload
def task(
    *,
    queue: str = ...,
    timeout: int = ...,
    name: str = ...,
    small: bool = ...,
    internal: bool = ...,
    fetches: bool = ...,
) -> Callable[[F], F]: ...
def task(
    function: Any = None,
    /,
    *,
    queue: str = DEFAULT_QUEUE,
    timeout: int = DEFAULT_TIMEOUT,
    name: str = "",
    small: bool = False,
    internal: bool = False,
    fetches: bool = False,
) -> Any:
    """Mark a function as a task. Its parameters are the arguments; its docstring's first line is shown.

    `timeout` in seconds; -1: none. `small`: its jobs take milliseconds, so one process may run up to 100 of them, one
    after the other, and what one leaves behind in the process (globals, open files) the next one finds. `internal`:
    nobody can submit it, or sees it offered. `fetches`: it takes in what strangers serve, so a job of it gets at most
    HEADWAY_JOB_MEMORY, and a process of its own. The function stays callable as it is.
    """

    def mark(function: F) -> F:
        made = Task(name or function.__name__, function, queue, timeout, small, internal, fetches)
        function.headway_task = made  # type: ignore[attr-defined]
        return function

    return mark if function is None else mark(function)
