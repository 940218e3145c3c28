"""What waits to be read by all clients together: each may be owed one long answer, all of them only so much. Pure."""

from typing import Protocol

LIMIT = 64 * 1024 * 1024  # characters of answers that wait in one process
ROOM = 0.75  # of that is left once some have been closed, so that not each answer that follows closes one more


class Debtor(Protocol):
    """A connection, as far as it matters here."""

    @property
    def owed(self) -> int:
        """Characters of its own answers that it has not read."""

    @property
    def since(self) -> float:
        """When the frame was begun that is being written to it."""

    def end(self, why: str) -> None: ...


class Owed:
    """Over the limit those are closed that are owed most, the slowest first. They come again, and lose nothing."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: dict[Debtor, None] = {}
        self._added = 0  # since it was last looked at how much waits

    def add(self, debtor: Debtor, size: int) -> None:
        """An answer of that size waits for it."""
        self._waiting[debtor] = None
        self._added += size
        if self._added > self._limit:
            self._settle()

    def discard(self, debtor: Debtor) -> None:
        """It has gone, and what waited for it too."""
        self._waiting.pop(debtor, None)

    def _settle(self) -> None:
        owed = {debtor: debtor.owed for debtor in self._waiting if debtor.owed}
        self._waiting = dict.fromkeys(owed)
        total = sum(owed.values())
        if total > self._limit:
            for debtor in sorted(owed, key=lambda one: (-owed[one], one.since)):
                debtor.end("too many answers wait that nobody reads")
                total -= owed[debtor]
                if total <= self._limit * ROOM:
                    break
        self._added = total
