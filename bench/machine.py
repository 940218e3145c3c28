"""The machine that figures are of: its cores and who has which, what a process takes, which versions run."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from redis import Redis

ROOT = Path(__file__).parent.parent
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")  # a second


@dataclass(frozen=True)
class Cores:
    """Which cores are whose. With one core, or on another system than Linux, everybody has all."""

    every: frozenset[int]
    server: frozenset[int]  # the server under test
    rest: frozenset[int]  # Redis, who publishes and who watches

    @classmethod
    def of_this_process(cls) -> "Cores":
        if sys.platform != "linux" or len(every := sorted(os.sched_getaffinity(0))) < 2:
            return cls(frozenset(), frozenset(), frozenset())
        return cls(frozenset(every), frozenset(every[:1]), frozenset(every[1:]))


def pin(pid: int, cores: Iterable[int]) -> None:
    """Keep a process, and what it starts from now on, on `cores`; 0 is this one."""
    if sys.platform == "linux" and cores:
        os.sched_setaffinity(pid, cores)


def memory(pid: int) -> int:
    """Bytes that are resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def worked(pid: int) -> float:
    """Seconds that its first thread has had a core, to the nanosecond; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


class Work:
    """What a process works from now on, in user and in kernel mode."""

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self._began, self._before = time.monotonic(), self._seconds()

    def share(self) -> float:
        """So far, in % of a core."""
        return (self._seconds() - self._before) / (time.monotonic() - self._began) * 100

    def _seconds(self) -> float:
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def describe(redis: Redis, cores: Cores) -> str:
    """The lines above a table."""
    pinned = "server on one, all else on the others" if cores.server else "nothing is pinned"
    info = redis.info("server")
    server = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
    commit = _commit()
    versions = [
        f"Python {platform.python_version()}",
        f"Headway {commit}" if commit else "Headway",
        *(f"{name} {version(name)}" for name in ("flask-socketio", "eventlet", "rq", "werkzeug")),
        server,
    ]
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{date.today()}  {_processor()}, {os.cpu_count()} cores ({pinned}), {system}\n{', '.join(versions)}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    """The commit that runs; "" where this is no clone."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()
