"""How much of a process its clients may take, together and each: open sockets, requests that are not complete, memory.

A client is an address (workers/addresses.py). Behind a trusted proxy it is the one that the proxy names.
"""

from collections import Counter
from typing import Generic, TypeVar

from realtime.framing import Fault

RESERVE = 256  # file descriptors for Redis, files and logs; a quarter of all where there are few
SHARE = 0.75  # of all sockets, for one address: others get in whatever it does
ROOM = 24 * 1024 * 1024  # bytes of all bodies that are kept in memory
ROOM_OF_ONE = ROOM // 2
RETRY_AFTER = 2  # seconds

T = TypeVar("T")


def room_for_sockets(wanted: int, files: int) -> int:
    """How many sockets a process may have open, that may have `files` files open."""
    return max(1, min(wanted, files - min(RESERVE, files // 4)))


class Gate:
    """Counts open sockets, in all and by client."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self.most = most
        self.most_of_one = max(1, min(most_of_one, int(most * SHARE)))
        self.open = 0
        self._of: Counter[str] = Counter()

    @property
    def is_full(self) -> bool:
        return self.open >= self.most

    def is_full_for(self, client: str) -> bool:
        return self._of.get(client, 0) >= self.most_of_one

    def enter(self, client: str) -> None:
        """Count one more of this client; "" counts for nobody but in all."""
        self.open += 1
        self.count(client)

    def leave(self, client: str) -> None:
        self.open -= 1
        self.uncount(client)

    def count(self, client: str) -> None:
        """Count a socket that is open already for this client too."""
        if client:
            self._of[client] += 1

    def uncount(self, client: str) -> None:
        if not client:
            return
        self._of[client] -= 1
        if self._of[client] <= 0:
            del self._of[client]


class Waiting(Generic[T]):
    """Those who are waited for, of each client and in all, the longest first."""

    def __init__(self) -> None:
        self._all: dict[T, str] = {}
        self._of: dict[str, dict[T, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, one: T) -> bool:
        return one in self._all

    def add(self, one: T, client: str) -> None:
        self.discard(one)
        self._all[one] = client
        self._of.setdefault(client, {})[one] = None

    def discard(self, one: T) -> bool:
        """Wait for it no more; whether we did."""
        client = self._all.pop(one, None)
        if client is None:
            return False
        of = self._of[client]
        del of[one]
        if not of:
            del self._of[client]
        return True

    def count(self, client: str) -> int:
        return len(self._of.get(client, ()))

    def all(self) -> list[T]:
        return list(self._all)

    def longest(self, client: str | None = None) -> T | None:
        """The request that has waited longest for its client: of this client, or of all."""
        return next(iter(self._all if client is None else self._of.get(client, ())), None)


class Room:
    """Memory for bodies that are being read: no client has more than half of it."""

    def __init__(self, most: int = ROOM, most_of_one: int = ROOM_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self.taken = 0
        self._by: dict[object, tuple[str, int]] = {}
        self._of: Counter[str] = Counter()

    def check(self, client: str, size: int) -> None:
        """Raises `Fault` where `size` bytes more don't fit now."""
        if self.taken + size > self._most or self._of.get(client, 0) + size > self._most_of_one:
            raise Fault(503, "unavailable", "Too many large requests at once; try again in a moment", RETRY_AFTER)

    def take(self, body: object, client: str, size: int) -> None:
        """Raises `Fault` where they don't fit."""
        self.check(client, size)
        self.taken += size
        self._of[client] += size
        self._by[body] = client, self._by.get(body, (client, 0))[1] + size

    def hold(self, body: object, client: str, size: int) -> None:
        """Take so much for this body in all. Raises `Fault` where it does not fit."""
        self.take(body, client, size - self._by.get(body, (client, 0))[1])

    def give_back(self, body: object) -> None:
        """All that this body has taken; nothing where it has none."""
        client, size = self._by.pop(body, ("", 0))
        if size:
            self.taken -= size
            self._of[client] -= size
            if self._of[client] <= 0:
                del self._of[client]
