"""All clients of a measurement in one process, and what they have seen by when."""

import bisect
import heapq
import random
import resource
import selectors
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe

from bench.readers import Counter, Had, Poller, Reader, connect

AT_ONCE = 32  # connections that are being opened at a time
POLL_INTERVAL = 1.0  # seconds
SAMPLES = 50_000  # µs between two looks at how old a view is

Published = dict[str, list[int]]
Figures = tuple[float, float]  # p50 and p99, in ms


@dataclass(frozen=True)
class Seen:
    lags: Figures  # from each publish until a client had that state, or a newer one of its job
    ages: (
        Figures | None
    )  # of the oldest state, at each look, that was published and not yet seen; 0 where there is none
    updates: int  # that clients were to see
    longest: float  # ms, of the lags


@dataclass(frozen=True)
class Counted:
    deliveries: int
    late: float  # ms, p99 of their ages when they came


class Crowd:
    def __init__(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self._selector = selectors.DefaultSelector()
        self._readers: list[Reader] = []
        self._pollers: list[Poller] = []
        self._due: list[tuple[float, int]] = []  # when which poller asks

    def wait(self, orders: Pipe) -> None:
        """Read, and poll, until there is an order."""
        self._selector.register(orders, selectors.EVENT_READ, None)
        ordered = False
        while not ordered:
            for key, _ in self._selector.select(self._ask()):
                if key.data is None:
                    ordered = True
                elif key.data.ready():
                    heapq.heappush(self._due, (time.monotonic() + POLL_INTERVAL, key.data.number))
        self._selector.unregister(orders)

    def _ask(self) -> float | None:
        """Let those ask who are due; seconds until others are."""
        while self._due and self._due[0][0] <= time.monotonic():
            self._pollers[heapq.heappop(self._due)[1]].ask()
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def connect(self, port: int, count: int, headers: str = "", counting: bool = False) -> float:
        """`count` readers more; seconds that took."""
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            clients = list(pool.map(lambda _: connect(port, headers=headers), range(count)))
        for client in clients:
            reader = Counter(client) if counting else Reader(client)
            self._readers.append(reader)
            self._selector.register(client, selectors.EVENT_READ, reader)
        return time.monotonic() - began

    def say(self, words: Sequence[tuple[bytes, list[str]]]) -> None:
        """Let readers watch, by turns: (what one says, the jobs that it then watches). They are not asked twice."""
        for number, reader in enumerate(self._readers):
            said, jobs = words[number % len(words)]
            if not reader.jobs:
                reader.client.sendall(said)
                reader.jobs = jobs

    def poll(self, port: int, ids: Sequence[str], count: int) -> None:
        """`count` pages that poll, each one of the jobs."""
        self._pollers = [Poller(number, port, ids[number % len(ids)], self._selector) for number in range(count)]
        now = time.monotonic()
        self._due = sorted((now + random.uniform(0, POLL_INTERVAL), number) for number in range(count))

    @property
    def _clients(self) -> list[Reader | Poller]:
        return [*self._readers, *self._pollers]

    def forget(self) -> None:
        """What has been seen so far; a poller remembers its last, which it does not see again."""
        for client in self._clients:
            client.had.clear()
        for reader in self._readers:
            if isinstance(reader, Counter):
                reader.counts.clear()

    def measure(self, published: Published, ages: bool = False) -> Seen | None:
        """None where nothing was published."""
        every = [version for versions in published.values() for version in versions]
        if not every:
            return None
        looks = range(min(every), max(every), SAMPLES) if ages else ()
        lags: list[float] = []
        views: list[float] = []
        for client in self._clients:
            had = _by_job(client.had)
            for id in client.jobs:
                lags += _lags(had[id], published.get(id, []))
                views += _ages(had[id], published.get(id, []), looks)
        return Seen(_figures(lags), _figures(views) if views else None, len(lags), max(lags, default=0.0))

    def count(self) -> Counted:
        """How many states came, and how late."""
        found = [
            (at - version, count)
            for reader in self._readers
            if isinstance(reader, Counter)
            for (at, _, version), count in zip(reader.had, reader.counts, strict=True)
        ]
        total, passed = sum(count for _, count in found), 0
        for late, count in sorted(found):
            passed += count
            if passed >= 0.99 * total:
                return Counted(total, late / 1000)
        return Counted(0, float("inf"))

    def leave(self) -> None:
        for reader in self._readers:
            self._selector.unregister(reader.client)
            reader.client.close()
        for poller in self._pollers:
            poller.leave()
        self._readers, self._pollers, self._due = [], [], []


def _by_job(had: Sequence[Had]) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, id, version in had:
        found[id].append((at, version))
    return found


def _lags(had: Sequence[tuple[int, int]], published: Sequence[int]) -> list[float]:
    lags: list[float] = []
    done = 0
    for at, version in had:
        upto = bisect.bisect_right(published, version)  # ours is taken before Redis takes its own
        lags += [(at - one) / 1000 for one in published[done:upto]]
        done = max(done, upto)
    # what never came: at least as old as it is now
    now = time.time_ns() // 1000
    return lags + [(now - one) / 1000 for one in published[done:]]


def _ages(had: Sequence[tuple[int, int]], published: Sequence[int], looks: Sequence[int]) -> list[float]:
    ages: list[float] = []
    place = done = 0
    for at in looks:
        while place < len(had) and had[place][0] <= at:
            done = max(done, bisect.bisect_right(published, had[place][1]))
            place += 1
        ages.append(max(0, at - published[done]) / 1000 if done < len(published) else 0.0)
    return ages


def _figures(values: list[float]) -> Figures:
    values.sort()
    return values[len(values) // 2], values[int(len(values) * 0.99)]
