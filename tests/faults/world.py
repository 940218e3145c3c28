"""All of Headway in processes of its own, and what can befall them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests
from redis import Redis

from tests.conftest import ROOT, free_port, is_ready, until
from workers import embedded, store

RESTART = 0.3  # seconds after which what has died is started again, as a supervisor would
WEBS, WORKERS = 2, 3


class World:
    """Two web processes on one port, three workers, one Redis; `tend` starts again what has died."""

    def __init__(self, folder: Path) -> None:
        socket = Path(f"/tmp/headway-faults-{os.getpid()}-{folder.name}.sock")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = open(folder / "log", "ab")
        environment = {
            **os.environ,
            "HEADWAY_HOME": str(folder),
            "REDIS_URL": f"unix://{socket}",
            "PORT": str(port),
            "HEADWAY_PROCESSES": str(WEBS),
            "HEADWAY_VERDICT": "5",
            "HEADWAY_GRACE": "3",
            "SECRET_KEY": "a key of the tests",
            "HEADWAY_OPERATOR_TOKEN": "a token",
        }
        self._environment = environment
        self._socket = socket
        options = {"port": "0", "unixsocket": str(socket), "dir": str(folder), "appendonly": "yes", "save": ""}
        redis = [embedded.binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]
        web = [sys.executable, "-m", "realtime.server"]
        worker = [sys.executable, "-m", "workers.main", "worker", "--queue", "default"]
        self._commands = {
            "redis": redis,
            **{f"web{number}": web for number in range(WEBS)},
            **{f"worker{number}": worker for number in range(WORKERS)},
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._due: dict[str, float] = {}
        self._start("redis")
        until(socket.exists, "Redis")
        for name in self._commands:
            if name != "redis":
                self._start(name)
        until(lambda: is_ready(self.url), "the web", within=30)

    def redis(self) -> Redis:
        return store.connect(self._environment["REDIS_URL"], socket_timeout=10)

    def _start(self, name: str) -> None:
        if name == "redis":
            self._socket.unlink(missing_ok=True)
        command = self._commands[name]
        out = self._log
        self._running[name] = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=out, stderr=out)

    def tend(self) -> None:
        """Start again what has died a moment ago."""
        now = time.monotonic()
        for name, process in self._running.items():
            if process.poll() is None:
                continue
            if now >= self._due.setdefault(name, now + RESTART):
                del self._due[name]
                self._start(name)
                return

    def live(self, seconds: float) -> None:
        """Let time go by."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.tend()
            time.sleep(0.02)  # between two looks at the processes: nothing tells when one dies

    def end(self) -> None:
        for name, process in reversed(self._running.items()):
            process.send_signal(signal.SIGCONT)
            process.kill() if name != "redis" else process.terminate()
        for process in self._running.values():
            process.wait()
        self._log.close()
        self._socket.unlink(missing_ok=True)

    # -- faults: each returns when it is over

    def faults(self) -> dict[str, Callable[[random.Random], None]]:
        return {
            "worker killed": lambda chance: self._kill(f"worker{chance.randrange(WORKERS)}"),
            "worker ended": lambda chance: self._signal(f"worker{chance.randrange(WORKERS)}", signal.SIGTERM),
            "web killed": lambda chance: self._kill(f"web{chance.randrange(WEBS)}"),
            "web ended": lambda chance: self._signal(f"web{chance.randrange(WEBS)}", signal.SIGTERM),
            "redis killed": lambda chance: self._kill("redis"),
            "redis hung": lambda chance: self._hang("redis", chance.uniform(0.5, 4)),
            "web hung": lambda chance: self._hang(f"web{chance.randrange(WEBS)}", chance.uniform(0.5, 4)),
            "channel cut": lambda chance: self._ask(lambda redis: redis.client_kill_filter(_type="pubsub")),
            "all connections cut": lambda chance: self._ask(lambda redis: redis.client_kill_filter(_type="normal")),
            "scripts flushed": lambda chance: self._ask(lambda redis: redis.script_flush()),
        }

    def _kill(self, name: str) -> None:
        self._signal(name, signal.SIGKILL)
        self._running[name].wait()

    def _signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    def _hang(self, name: str, seconds: float) -> None:
        process = self._running[name]
        process.send_signal(signal.SIGSTOP)
        self.live(seconds)
        process.send_signal(signal.SIGCONT)

    def _ask(self, command: Callable[[Redis], object]) -> None:
        redis = self.redis()
        try:
            command(redis)
        finally:
            redis.close()

    def is_up(self) -> bool:
        """Whether all processes have been started again."""
        return all(process.poll() is None for process in self._running.values())

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.get(self.url, timeout=5).raise_for_status()
        return session
