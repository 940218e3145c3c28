"""realtime/drain.py: a web process is restarted, and every client comes back."""

import json
import queue
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import socketio

from realtime.drain import Requests
from tests.conftest import DEADLINE, ROOT, Processes, free_port, is_ready, until
from tests.frontend.node import find_node
from tests.hostile.conftest import read_all
from tests.realtime.clients import WATCH, WATCHED, Raw, connected
from tests.realtime.test_opening import OPENS

RETRY = {"reconnection_delay": 0.1, "reconnection_delay_max": 0.2}  # seconds


def test_requests_are_counted_while_they_are_under_way() -> None:
    seen: list[int] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(requests_.under_way)
        if environ:
            raise ValueError
        return []

    requests_ = Requests(app)
    requests_({}, None)
    with pytest.raises(ValueError):
        requests_({"a": 1}, None)
    assert seen == [1, 1] and requests_.under_way == 0


class Half:
    """A request of which all but its last line has been sent."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        lines = [f"GET {path} HTTP/1.1", "Host: here", *(f"{name}: {value}" for name, value in headers.items())]
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def end(self) -> str:
        """The answer, to the end of the connection."""
        self.socket.sendall(b"\r\n")
        answer = read_all(self.socket, DEADLINE).decode()
        self.socket.close()
        return answer


@pytest.fixture
def web(base_environment: dict[str, str], redis_url: str, tmp_path: Path) -> Iterator[Processes]:
    environment = {**base_environment, "REDIS_URL": redis_url, "PORT": str(free_port()), "HEADWAY_HOSTS": "here"}
    processes = Processes(environment, tmp_path)
    yield processes
    processes.stop()


def test_asked_to_end_it_sends_its_clients_away_and_ends_and_all_come_back(
    web: Processes, foreign: Callable[[str], "Foreign"]
) -> None:
    port = int(web.environment["PORT"])
    url = f"http://127.0.0.1:{port}"
    process = web.start("-m", "realtime.server")
    until(lambda: is_ready(url), "the web server")
    clients = foreign(url)
    with Raw(url).join() as raw, connected(url) as page:
        page.hear("relay")
        request, opening = Half(port, "/healthz"), Half(port, "/socket.io/?EIO=4&transport=websocket", **OPENS)
        # the server has read them once it answers what came later
        assert raw.ask("421" + WATCH) == "431" + WATCHED
        process.send_signal(signal.SIGHUP)  # its terminal has gone: as SIGTERM, which ends all others
        word = page.hear("relay", lambda word: word["state"] == "draining")
        assert 0 <= word["retry_in"] <= 4000
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{url}/healthz", timeout=5)
        answer = request.end()
        assert answer.startswith("HTTP/1.1 200") and "\r\nConnection: close\r\n" in answer
        answer = opening.end()
        assert answer.startswith("HTTP/1.1 503") and "\r\nRetry-After: 1\r\n" in answer
        assert raw.last_word() == (1012, "the server restarts: come back")  # and no packet that says CLOSE
        assert process.wait(10) == 0
    web.start("-m", "realtime.server")
    until(lambda: is_ready(url), "the next web server")
    clients.come_back()


class Foreign:
    """Libraries that know nothing of Headway: python-socketio's two clients, and npm's."""

    def __init__(self, url: str) -> None:
        self.back: queue.Queue[str] = queue.Queue()
        self.client = socketio.Client(**RETRY)
        self.client.on("connect", lambda: self.back.put("python-socketio"))
        self.client.connect(url, transports=["websocket"], wait_timeout=DEADLINE)
        assert self.back.get(timeout=DEADLINE) == "python-socketio"
        self.simple = socketio.SimpleClient(**RETRY)
        self.simple.connect(url, transports=["websocket"], wait_timeout=int(DEADLINE))
        # which the library forgets, unclosed, once the server has closed
        self.plain = [client.eio.ws.sock for client in (self.client, self.simple.client)]
        self.thread = threading.Thread(target=self._ask, daemon=True)
        command = [find_node(), str(ROOT / "tests/frontend/foreign_client.js"), url, "stay"]
        self.npm = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.npm.stdout is not None and self.npm.stdout.readline() == "connected\n"

    def _ask(self) -> None:
        """It waits by itself until it is connected again."""
        self.simple.call("watch", {"topics": []}, timeout=int(2 * DEADLINE))
        self.back.put("SimpleClient")

    def come_back(self) -> None:
        self.thread.start()
        assert {self.back.get(timeout=2 * DEADLINE) for _ in range(2)} == {"python-socketio", "SimpleClient"}
        assert self.client.call("watch", {"topics": []}, timeout=DEADLINE)["ok"] is True
        said, _ = self.npm.communicate(timeout=2 * DEADLINE)
        met = json.loads(said)
        why = {"reason": "transport close", "code": 1012, "why": "the server restarts: come back"}
        assert met == {"byServer": why, "ack": {"ok": True, "topics": {}}}

    def close(self) -> None:
        for client in (self.client, self.simple.client):
            if client is not None:
                client.disconnect()
        for plain in self.plain:
            plain.close()
        self.npm.kill()
        self.npm.communicate()


@pytest.fixture
def foreign() -> Iterator[Callable[[str], Foreign]]:
    made: list[Foreign] = []

    def make(url: str) -> Foreign:
        made.append(Foreign(url))
        return made[-1]

    yield make
    for clients in made:
        clients.close()
