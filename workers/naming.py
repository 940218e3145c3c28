"""What queues are called: in RQ by names that no other application's queue has, everywhere else by short ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "headway."  # of our queues in RQ
IN_FULL: Final = "rq:queue:"  # what a name in HEADWAY_QUEUES begins with that is RQ's, as it is
INTERNAL: Final = "headway"  # what the names of Headway's own queues begin with; these never had others


def short(name: str) -> str:
    """What people call the queue that has this name in RQ."""
    return name.removeprefix(PREFIX)


def is_own(name: str) -> bool:
    """Whether no other application has a queue of this name in RQ."""
    return name == INTERNAL or name.startswith((f"{INTERNAL}-", PREFIX))


@dataclass(frozen=True)
class Naming:
    """`in_full` are the queues that keep their names in RQ: they may be another application's, too."""

    in_full: frozenset[str] = frozenset()

    def in_rq(self, name: str) -> str:
        """The name in RQ of the queue that people call so."""
        if name in self.in_full or is_own(name):
            return name
        return PREFIX + name

    def shared(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names in RQ that jobs without our mark may stand under, others' or those of the release before.

        Those in full, what our queues were called before, and the one that has kept its name.
        """
        return tuple(name for name in names if name in self.in_full or self.in_rq(name) != name or name == INTERNAL)
