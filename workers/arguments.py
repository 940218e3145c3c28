"""The arguments of one job, checked, and in the forms in which they are kept: what is dear about making a job."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rq.serializers import JSONSerializer

from workers.errors import BadArguments
from workers.tasks import Task
from workers.wire import encode
from workers.words import words_of


@dataclass(frozen=True, slots=True)
class Arguments:
    """Made once, maybe in another process; whoever has them need not look at the values again."""

    data: bytes  # RQ's record of the call, compressed
    length: int  # bytes of it that are not
    words: str  # what of them can be searched
    text: str  # the values by name, as JSON; '' where nobody compares them

    @classmethod
    def of(cls, task: Task, args: Any) -> "Arguments":
        """Raises `BadArguments`."""
        values, text = task.keep(args)
        call = JSONSerializer.dumps((task.name, None, (), values))
        return cls(zlib.compress(call), len(call), words_of([task.name, (), values]), text)

    def digest(self, task: str, *more: Any) -> str:
        """Names a submit of them: the same only for the same request."""
        rest = "".join(f",{encode(one)}" for one in more)
        return hashlib.sha256(f"[{encode(task)},{self.text}{rest}]".encode()).hexdigest()


def each(task: Task, args: Sequence[Any], start: int = 0) -> list[Arguments]:
    """Those of many jobs, the first of which is number `start`. Raises `BadArguments` at the first that is wrong."""
    return [_numbered(task, one, number) for number, one in enumerate(args, start)]


def _numbered(task: Task, args: Any, number: int) -> Arguments:
    try:
        return Arguments.of(task, args)
    except BadArguments as error:
        fields = {f"args.{number}.{name}": wrong for name, wrong in error.fields.items()}
        raise BadArguments(f"args[{number}]: {error}", fields) from error
