"""What a measurement runs in: a Redis of its own, one server at a time, who publishes and who watches."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from bench.crowd import Crowd
from bench.machine import ROOT, Cores, pin
from bench.publisher import FLASK_SOCKETIO, HEADWAY, POLLING, Publisher
from bench.remote import Remote
from workers import embedded, store
from workers.settings import Settings

READY_WITHIN = 15.0  # seconds
MODULES = {
    HEADWAY: "realtime.server",
    FLASK_SOCKETIO: "bench.flask_socketio_server",
    POLLING: "bench.polling_server",
}
LAST_WORDS = 20  # lines
TOKEN = "the operator of the bench"


@dataclass(frozen=True)
class Server:
    kind: str
    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Lab:
    """Holds the processes; whatever happens, none is left.

    Redis listens on a Unix socket, as an installation's own does (`settings`), and on a port, since Flask-SocketIO
    knows no other way to it: in comparisons all go by the port (`url`).
    """

    def __init__(self, folder: str, cores: Cores, seconds: float) -> None:
        self.cores = cores
        self.seconds = seconds  # of each load
        self.environment = {**os.environ, "HEADWAY_HOME": folder, "HEADWAY_OPERATOR_TOKEN": TOKEN}
        self.environment.pop("REDIS_URL", None)
        self.settings = Settings.from_environment(self.environment, ROOT)
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.words = open(Path(folder) / "words", "wb")  # what processes say: of interest when one fails
        self.redis = store.connect(self.url)
        self.publisher = Remote(Publisher, self.url)
        self.crowd = Remote(Crowd)

    def start(self) -> None:
        command = [*embedded.command(self.settings), "--port", str(self._port), "--bind", "127.0.0.1"]
        self.processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        until(lambda: embedded.answers(self.settings))

    def close(self) -> None:
        for remote in (self.publisher, self.crowd):
            remote.close()
        for process in reversed(self.processes):
            end(process)
        self.words.close()

    def last_words(self) -> str:
        return "\n".join(Path(self.words.name).read_text(errors="replace").splitlines()[-LAST_WORDS:])

    @contextmanager
    def running(
        self, command: list[str], changes: Mapping[str, str], cores: frozenset[int], python: str = sys.executable
    ) -> Iterator[int]:
        """A process, by its id, that sees Redis under `url`."""
        environment = {**self.environment, "REDIS_URL": self.url, **changes}
        process = subprocess.Popen(
            [python, "-m", *command], cwd=ROOT, env=environment, stdout=self.words, stderr=self.words
        )
        self.processes.append(process)
        try:
            pin(process.pid, cores)  # it has one thread so far: the others will inherit it
            yield process.pid
        finally:
            end(process)
            self.processes.remove(process)

    @contextmanager
    def serve(self, kind: str, **changes: str) -> Iterator[Server]:
        """A new server of that kind, with nothing in Redis."""
        self.redis.flushall()
        port = free_port()
        with self.running([MODULES[kind]], {**changes, "PORT": str(port)}, self.cores.server) as pid:
            server = Server(kind, pid, port)
            until(lambda: _ready(server))
            try:
                yield server
            finally:
                self.crowd.ask("leave")


def end(process: subprocess.Popen[bytes]) -> None:
    """By force: all that it has is thrown away, and a server would first send its clients away in peace."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(server: Server) -> bool:
    try:
        answer = requests.get(f"{server.url}/readyz", timeout=1)
    except requests.RequestException:
        return False
    return answer.ok or server.kind != HEADWAY  # the others have no such route, and are ready when they answer


def until(ready: Callable[[], bool], within: float = READY_WITHIN) -> None:
    deadline = time.monotonic() + within
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {within:.0f} s in vain; the processes' own words are the last above")
        time.sleep(0.02)
