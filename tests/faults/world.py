"""All of Headway in processes of its own, with proxies on the lines between them."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests
from redis import Redis
from redis.exceptions import RedisError

from tests.conftest import ROOT, free_port, is_ready, until
from tests.faults.proxy import Proxy
from workers import embedded, store

RESTART = 0.3  # seconds after which what has died is started again, as a supervisor would
STARTING = 5.0  # seconds that a start takes at the most
WEBS, WORKERS = 2, 3
SECRET = "a key of the tests"
LISTENS = b"listening on"  # what a web process says once it can be reached


class World:
    """Two web processes on one port, three workers, one Redis; `live` lets time go by and starts again what died.

    `lines` are the proxies: what clients reach the web by ("clients"), and what web and workers reach Redis by.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = Path(f"/tmp/headway-faults-{secrets.token_hex(8)}.sock")  # a path that is short enough
        self._port = free_port()
        self.lines = {"clients": Proxy(self._port), "web": Proxy(self._socket), "workers": Proxy(self._socket)}
        self.url = f"http://127.0.0.1:{self.lines['clients'].port}"
        self.direct_url = f"http://127.0.0.1:{self._port}"
        self.each: Callable[[], None] = lambda: None  # what is to be done now and then while time goes by
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._due: dict[str, float] = {}
        self._condemned: set[str] = set()  # processes that a fault has told to end
        self._started_at: dict[str, float] = {}
        self._deaths: list[str] = []
        self._complained: set[str] = set()
        self._start("redis")
        until(self._socket.exists, "Redis")
        for name in (*(f"web{number}" for number in range(WEBS)), *(f"worker{number}" for number in range(WORKERS))):
            self._start(name)
        until(self.is_up, "all of Headway", within=30)
        until(lambda: is_ready(self.url), "the web")

    def redis(self) -> Redis:
        """A client with no proxy in between."""
        return store.connect(f"unix://{self._socket}", socket_timeout=1)

    def session(self) -> requests.Session:
        """A new owner's."""
        session = requests.Session()
        session.trust_env = False
        session.get(self.url, timeout=5).raise_for_status()
        return session

    # -- time

    def live(self, seconds: float) -> None:
        """Let time go by."""
        ends = time.monotonic() + seconds
        while True:
            self._tend()
            self.each()
            left = ends - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.02))  # between two looks at the processes: nothing tells when one dies

    def is_up(self) -> bool:
        """Whether every process runs, every web process listens, and Redis answers."""
        if any(process.poll() is not None for process in self._running.values()):
            return False
        if not all(LISTENS in self._log(name).read_bytes() for name in self._running if name.startswith("web")):
            return False
        redis = self.redis()
        try:
            return bool(redis.ping())
        except RedisError:
            return False
        finally:
            redis.close()

    def end(self) -> None:
        for name, process in reversed(self._running.items()):
            process.send_signal(signal.SIGCONT)
            process.kill() if name != "redis" else process.terminate()
        for process in self._running.values():
            process.wait()
        for line in self.lines.values():
            line.close()
        self._socket.unlink(missing_ok=True)

    def complaints(self) -> list[str]:
        """Which processes ended though no fault befell them, and which web logs hold what no operator should read."""
        deaths, self._deaths = self._deaths, []
        for log in sorted(self._folder.glob("web*.log*")):
            text = log.read_text(errors="replace")
            found = next((text[text.index(word) :][:600] for word in ("CRITICAL", "Traceback") if word in text), None)
            if found is not None and found not in self._complained:
                self._complained.add(found)
                deaths.append(f"{log.name}: {found}")
        return deaths

    # -- processes

    def kill(self, name: str) -> None:
        self.signal(name, signal.SIGKILL)
        self._running[name].wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal that ends it."""
        self._condemned.add(name)
        self._running[name].send_signal(number)

    def hang(self, name: str, seconds: float) -> None:
        process = self._running[name]
        process.send_signal(signal.SIGSTOP)
        self.live(seconds)
        process.send_signal(signal.SIGCONT)

    def pids(self) -> set[int]:
        return {process.pid for process in self._running.values() if process.poll() is None}

    def _tend(self) -> None:
        """Start again what has died a moment ago."""
        now = time.monotonic()
        for name, process in self._running.items():
            if process.poll() is not None and now >= self._due.setdefault(name, now + RESTART):
                del self._due[name]
                # who is started in the middle of a fault may say that Redis is away, and go
                if name not in self._condemned and now - self._started_at[name] > STARTING:
                    self._deaths.append(f"{name} ended by itself, with {process.returncode}")
                self._condemned.discard(name)
                self._start(name)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _start(self, name: str) -> None:
        kind = name.rstrip("0123456789")
        if kind == "redis":
            self._socket.unlink(missing_ok=True)
        log = self._log(name)
        if log.exists():  # kept: what it said in its last moments may say why it died
            log.rename(log.with_name(f"{log.name}.{time.monotonic_ns()}"))
        self._started_at[name] = time.monotonic()
        with open(log, "wb") as out:
            self._running[name] = subprocess.Popen(
                self._command(kind), cwd=ROOT, env=self._environment(kind), stdout=out, stderr=out
            )

    def _command(self, kind: str) -> list[str]:
        if kind == "redis":
            options = {
                "port": "0",
                "unixsocket": str(self._socket),
                "dir": str(self._folder),
                "appendonly": "yes",
                "appendfsync": "no",  # a killed process loses nothing that it has written
                "save": "",
            }
            return [embedded.binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]
        module = {"web": ["realtime.server"], "worker": ["workers.main", "worker", "--queue", "default"]}[kind]
        return [sys.executable, "-m", "tests.faults.part", *module]

    def _environment(self, kind: str) -> dict[str, str]:
        line = self.lines["web" if kind == "web" else "workers"]
        return {
            **os.environ,
            "HEADWAY_HOME": str(self._folder),
            "REDIS_URL": f"redis://127.0.0.1:{line.port}",
            "PORT": str(self._port),
            "HEADWAY_PROCESSES": str(WEBS),
            "HEADWAY_VERDICT": "5",
            "HEADWAY_GRACE": "3",
            "SECRET_KEY": SECRET,
            "HEADWAY_OPERATOR_TOKEN": "a token of the tests",
            "PYTHONUNBUFFERED": "1",
        }
