"""What readers that never read cost those that do, and the server: `python -m bench stuck`."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis

from bench.lab import Lab
from bench.loads import open_pages
from bench.machine import memory
from bench.publisher import HEADWAY, start
from bench.readers import Stuck
from workers import store

READERS = 1000
RATE = 100  # updates of the one job a second
ROUNDS = (0, 1, 0, 10, 0, 1, 0, 10)  # stuck readers in each
FEW_ROUNDS = (0, 1, 0)  # as a part of all figures
BESIDE_NONE, BESIDE_STUCK = 4.0, 15.0  # seconds of a round; a stuck reader is closed 10 s after it blocks
BUILD_UP = 2.0  # seconds until the buffers of a stuck reader are full
MANY = 50  # stuck readers of which one's memory is told
STEADY, FULL = 2.0, 6.0  # seconds
ID = "busy"
NOTE = "x" * 900  # in `meta`, so that a state is as large as one is allowed to be and buffers fill soon


@dataclass
class Figures:
    lags: dict[int, list[tuple[float, float]]] = field(default_factory=dict)  # stuck readers → (p50, p99) of each round
    memory: list[int] = field(default_factory=list)  # bytes, sampled while readers were stuck
    closes: int = 0
    stuck_seconds: float = 0.0
    stuck: float = 0.0  # bytes of the server that one reader costs more once it does not read
    kernel: float = 0.0  # bytes of one stuck reader that wait in the kernel's buffers


def measure(lab: Lab, rounds: Sequence[int] = ROUNDS) -> Figures:
    """`stuck` and `kernel` only with all the rounds."""
    figures = Figures()
    with lab.serve(HEADWAY) as server:
        start(lab.redis, ID)
        store.report(lab.redis, ID, 1, {"meta": {"note": NOTE}})
        open_pages(lab, server, [ID], READERS)
        trial = _Trial(lab, server.port, server.pid, _Publisher(lab.redis), figures)
        trial.round(BESIDE_NONE, None)  # to warm up
        for stuck in rounds:
            figures.lags.setdefault(stuck, []).append(trial.beside(stuck))
        if rounds == ROUNDS:
            _weigh(server.port, server.pid, trial.publisher, figures)
    return figures


@dataclass
class _Trial:
    lab: Lab
    port: int
    pid: int
    publisher: "_Publisher"
    figures: Figures

    def beside(self, stuck: int) -> tuple[float, float]:
        """One round: the lags of the readers beside so many that are stuck."""
        if not stuck:
            return self.round(BESIDE_NONE, None)
        readers = Stuck(self.port, ID, stuck)
        readers.stop()
        self.publisher.run(BUILD_UP, readers.mind)
        self.figures.memory.append(memory(self.pid))
        lags = self.round(BESIDE_STUCK, readers)
        self.figures.closes += readers.closes
        self.figures.stuck_seconds += BUILD_UP + BESIDE_STUCK
        readers.close()
        return lags

    def round(self, seconds: float, stuck: Stuck | None) -> tuple[float, float]:
        self.lab.crowd.ask("forget")

        def mind() -> None:
            if stuck is not None:
                self.figures.memory.append(memory(self.pid))
                stuck.mind()

        published = self.publisher.run(seconds, mind)
        time.sleep(0.5)  # for the last to arrive
        lags: tuple[float, float] = self.lab.crowd.ask("measure", {ID: published}).lags
        return lags


def _weigh(port: int, pid: int, publisher: "_Publisher", figures: Figures) -> None:
    """What a connection holds of the server's memory once it does not read."""
    readers = Stuck(port, ID, MANY)
    publisher.run(STEADY, lambda: None)
    reading = memory(pid)
    readers.stop()
    publisher.run(FULL, lambda: None)
    figures.stuck = (memory(pid) - reading) / MANY
    figures.kernel = statistics.mean(_waiting(port, {client.getsockname()[1] for client in readers.clients}))
    readers.close()


def _waiting(port: int, theirs: set[int]) -> list[int]:
    """Bytes that wait in the kernel to be read by those who hold the ports `theirs`."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, remote, _, queues = line.split()[1:5]
        if int(local[-4:], 16) == port and int(remote[-4:], 16) in theirs:
            found.append(int(queues.split(":")[0], 16))
    return found


class _Publisher:
    """Moves the one job."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._step = 0

    def run(self, seconds: float, mind: Callable[[], None]) -> list[int]:
        """When each step was published (µs, as versions are); calls `mind` four times a second."""
        began, published = time.monotonic(), []
        for number in range(int(seconds * RATE)):
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))
            self._step += 1
            published.append(time.time_ns() // 1000)
            store.report(self._redis, ID, 1, {"completed": self._step, "total": None, "unit": ""})
            if number % (RATE // 4) == 0:
                mind()
        return published


def report(figures: Figures) -> None:
    """The lines of the table."""
    middle = {
        count: [statistics.median(part) for part in zip(*lags, strict=True)] for count, lags in figures.lags.items()
    }
    for count, (p50, p99) in middle.items():
        beside = f"{READERS:,} readers beside {count or 'no'} stuck"
        print(f"{beside:29}{p50:8.1f} ms p50  {p99:8.1f} ms p99  ({RATE} updates/s)")
    alone = [p99 for _, p99 in figures.lags[0]]
    ratios = ", ".join(f"{middle[count][1] / middle[0][1]:.2f} × beside {count}" for count in middle if count)
    print(f"p99 beside stuck ones        {ratios}; rounds without any: {min(alone):.0f}–{max(alone):.0f} ms")
    first, last, most = (value / 1e6 for value in (figures.memory[0], figures.memory[-1], max(figures.memory)))
    after, closes = f"{figures.stuck_seconds:.0f} s with stuck ones", f"{figures.closes} closed as slow"
    print(f"memory of the server         {first:8.1f} MB, {last:.1f} after {after}, {most:.1f} at most ({closes})")
    if not figures.kernel:
        return
    kernel = f"{figures.kernel / 1024:.0f} KiB more in the kernel"
    print(f"one stuck reader             {figures.stuck / 1024:8.1f} KiB beyond one that reads; {kernel} (of {MANY})")
