"""What others notice while 1,000 clients mean harm: `python -m bench hostile`."""

import socket
import threading
import time
from dataclasses import dataclass

from bench.attackers import Attackers
from bench.lab import Lab, Server
from bench.loads import names, open_pages
from bench.machine import Work, memory, worked
from bench.publisher import HEADWAY
from bench.remote import Remote

VIEWERS, JOBS, RATE = 20, 10, 50  # honest ones, what they watch, and updates a second over all jobs
ATTACKERS = 1000
QUIET, LOUD = 4.0, 10.0  # seconds
BUILD_UP = 5.0  # seconds in which the attackers come, which count for memory alone
EVERY = 0.02  # seconds between two requests for /healthz
REST = 1.0  # seconds for the last frames
HEALTH, FRAME, GROWTH = 100.0, 500.0, 64.0  # the bar: ms at p99, ms at most, MB
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Figures:
    health: list[float]  # ms, sorted
    work: list[float]  # ms that the server had its core meanwhile, sorted: what is left where nothing else runs
    frames: tuple[float, float]  # ms, p99 and the longest
    growth: float  # MB
    share: float  # of the server's core
    attacks: dict[str, int]


def p(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def report(lab: Lab) -> None:
    """The lines of the table, as they are found: within a minute."""
    for title, attackers, fields in (
        ("nobody attacks", 0, False),
        (f"{ATTACKERS:,} attack", ATTACKERS, False),
        (f"{ATTACKERS:,} attack, some with 80,000 unknown fields", ATTACKERS, True),
    ):
        figures = measure(lab, attackers, fields)
        print(f"{title}: {sum(figures.attacks.values()):,} attacks, {figures.share:.0f} % of the server's core")
        health = f"{p(figures.health, 0.5):.1f} ms p50, {p(figures.health, 0.99):.1f} p99"
        print(f"   /healthz {health}; the server worked {p(figures.work, 0.99):.1f} ms of them at p99")
        print(f"   frames {figures.frames[0]:.1f} ms p99, {figures.frames[1]:.1f} at most")
        print(f"   memory {figures.growth:+.1f} MB", flush=True)
    print(f"bar: /healthz ≤ {HEALTH:.0f} ms p99, frames ≤ {FRAME:.0f} ms, memory ≤ {GROWTH:.0f} MB")


def measure(lab: Lab, attackers: int, fields: bool) -> Figures:
    ids = names(JOBS)
    with lab.serve(HEADWAY) as server:
        lab.publisher.ask("prepare", HEADWAY, ids)
        open_pages(lab, server, ids, VIEWERS)
        prober = Prober(server)
        lab.publisher.ask("run", HEADWAY, ids, RATE, 1.0)
        before = memory(server.pid)
        seconds = LOUD if attackers else QUIET
        remote = Remote(Attackers)
        try:
            if attackers:
                remote.tell("attack", server.port, attackers, seconds + BUILD_UP, fields)
                time.sleep(BUILD_UP)
            lab.crowd.ask("forget")
            work = Work(server.pid)
            prober.start()
            published = lab.publisher.ask("run", HEADWAY, ids, RATE, seconds)
            share = work.share()
            prober.stop()
            time.sleep(REST)
            seen = lab.crowd.ask("measure", published)
            done = remote.hear() if attackers else {}
        finally:
            remote.close()
        growth = (prober.memory - before) / 1e6
        frames = seen.lags[1], seen.longest
        return Figures(sorted(prober.took), sorted(prober.work), frames, growth, share, done)


class Prober:
    """Asks for /healthz, each time over a new connection, and looks at the memory of the server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self.took: list[float] = []  # ms
        self.work: list[float] = []  # ms of the server
        self.memory = 0  # bytes, the most
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            began, before = time.monotonic(), worked(self._server.pid)
            answered = _ask(self._server.port)
            # no answer is worse than any
            self.took.append((time.monotonic() - began) * 1000 if answered else 10_000)
            self.work.append((worked(self._server.pid) - before) * 1000)
            self.memory = max(self.memory, memory(self._server.pid))


def _ask(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(REQUEST)
            return connection.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
