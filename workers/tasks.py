"""Tasks: functions that may be run as jobs, found by name, with typed arguments."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from workers.errors import BadArguments, HeadwayError, UnknownTask
from workers.fields import GOT_LIMIT, check, shown

DEFAULT_QUEUE = "default"
DEFAULT_TIMEOUT = 7200  # seconds

F = TypeVar("F", bound=Callable[..., Any])


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
    def arguments(self) -> type[BaseModel]:
        """The arguments as a pydantic model, made from the function's signature."""
        parameters = inspect.signature(self.function, eval_str=True).parameters.values()
        fields: dict[str, Any] = {
            parameter.name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
            for parameter in parameters
        }
        return create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """Of the arguments, as JSON Schema."""
        return self.arguments.model_json_schema()

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    def parse(self, args: Any) -> dict[str, Any]:
        """`args` as the function takes them. Raises `BadArguments` naming each field that is wrong."""
        if not isinstance(args, Mapping):
            got = type(args).__name__
            raise BadArguments(
                f"{self.name}: expected args to be an object, got {got}",
                {"args": {"expected": "an object", "got": got}},
            )
        checked = check(
            self.arguments,
            args if isinstance(args, dict) else dict(args),
            what=f"{self.name}: wrong arguments",
            whole="args",
        )
        return checked.model_dump(mode="json")

    def describe(self) -> dict[str, Any]:
        """{name, summary, queue, timeout, arguments: JSON Schema}."""
        return {
            "name": self.name,
            "summary": self.summary,
            "queue": self.queue,
            "timeout": self.timeout,
            "arguments": self.schema,
        }


class Tasks:
    """The registry: every task by its name."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = dict(sorted(tasks.items()))

    @classmethod
    def collect(cls, package: ModuleType) -> "Tasks":
        """Every function marked with `@task` in the modules of `package`.

        Raises `HeadwayError` where two share a name.
        """
        found: dict[str, Task] = {}
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for _, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
                task_ = getattr(function, "headway_task", None)
                if not isinstance(task_, Task) or function.__module__ != module.name:
                    continue
                if task_.name in found:
                    raise HeadwayError(f"two tasks are named {task_.name!r}; the second is in {module.name}")
                found[task_.name] = task_
        return cls(found)

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


def task(
    *,
    queue: str = DEFAULT_QUEUE,
    timeout: int = DEFAULT_TIMEOUT,
    name: str = "",
    small: bool = False,
    internal: bool = False,
    fetches: bool = False,
) -> Callable[[F], F]:
    """Mark a function as a task. Its annotated parameters are the arguments; its docstring's first line is shown.

    `timeout` in seconds. `small`: its jobs take milliseconds, so one process may run up to 100 of them, one after
    the other, and what one leaves behind in the process (globals, open files) the next one finds. `internal`: nobody
    can submit it, or sees it offered. `fetches`: it takes in what strangers serve, so a job of it gets at most
    HEADWAY_JOB_MEMORY, and a process of its own. The function stays callable as it is.
    """

    def mark(function: F) -> F:
        made = Task(name or function.__name__, function, queue, timeout, small, internal, fetches)
        function.headway_task = made  # type: ignore[attr-defined]
        return function

    return mark
