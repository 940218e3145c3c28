"""A web process of its own for each attack, and what attackers and bystanders do to it."""

import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import DEADLINE, Processes, free_port, is_ready, until

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Victim:
    """A web process, seen from outside."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Callable[[], str]) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self._opened: list[socket.socket] = []

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection from this address of 127.0.0.0/8; closed at the end of the test."""
        opened = socket.create_connection(("127.0.0.1", self.port), DEADLINE, (source, 0))
        self._opened.append(opened)
        return opened

    def ask(self, data: bytes, source: str = "127.0.0.1") -> bytes:
        """All that is answered until the process closes the connection, or says nothing more for a second."""
        connection = self.connect(source)
        connection.sendall(data)
        return read_all(connection)

    def health(self, source: str = "127.0.0.1") -> float:
        """Seconds that /healthz takes over a connection of its own."""
        began = time.monotonic()
        connection = self.connect(source)
        connection.sendall(GET)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.close()
        return time.monotonic() - began

    @property
    def memory(self) -> int:
        """Bytes that are resident now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    @property
    def files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def close(self) -> None:
        for connection in self._opened:
            connection.close()


def read_all(connection: socket.socket, within: float = 1.0) -> bytes:
    connection.settimeout(within)
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except OSError:
        pass  # it says no more, or has closed with bytes of ours unread
    return data


def is_closed(connection: socket.socket) -> bool:
    """Whether the process has closed this connection."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def statuses(answers: bytes) -> list[int]:
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


@pytest.fixture(scope="module")
def module_processes(
    base_environment: dict[str, str], redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    started = Processes({**base_environment, "REDIS_URL": redis_url}, tmp_path_factory.mktemp("victims"))
    yield started
    started.stop()


def start(processes: Processes, files: int = 0, **environment: str) -> Victim:
    port = free_port()
    arguments = ["-m", "tests.hostile.short_times", *([str(files)] if files else [])]
    process = processes.start(*arguments, PORT=str(port), **environment)
    until(lambda: is_ready(f"http://127.0.0.1:{port}"), "the web process")
    return Victim(process, port, processes.log)


@pytest.fixture
def attack(processes: Processes) -> Iterator[Callable[..., Victim]]:
    """Starts a web process: `attack(files=512, HEADWAY_MAX_UNFINISHED="5")`."""
    victims = []

    def begin(files: int = 0, **environment: str) -> Victim:
        victims.append(start(processes, files, **environment))
        return victims[-1]

    yield begin
    for victim in victims:
        victim.close()


@pytest.fixture(scope="module")
def shared(module_processes: Processes) -> Iterator[Victim]:
    """One web process for all attacks of a module that leave it as it was."""
    victim = start(module_processes)
    yield victim
    victim.close()


@pytest.fixture
def session(shared: Victim) -> requests.Session:
    """A program with a cookie of the shared web process."""
    session = requests.Session()
    session.trust_env = False
    session.get(shared.url).raise_for_status()
    return session
