"""What readers that have stopped cost the web process."""

import os
import socket
from contextlib import ExitStack
from pathlib import Path

import requests
import websocket

from tests.conftest import Processes, free_port, is_ready, until

READERS = 100
OWN, SHARED = 64 * 1024, 12 * 1024 * 1024  # bytes: of each reader, and of all: the frames that wait, and jobs in work


def memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stopped(port: int, cookie: str) -> websocket.WebSocket:
    """A reader of `mine` that reads nothing after the answer to its watch."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", port))
    url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    reader = websocket.create_connection(url, socket=narrow, header={"Cookie": cookie}, timeout=15)
    reader.send("40")
    reader.send('421["watch",{"topics":["mine"]}]')
    while not str(reader.recv()).startswith("431"):
        pass
    return reader


def test_a_reader_that_stops_costs_little_of_its_own(
    base_environment: dict[str, str], redis: object, redis_url: str, tmp_path: Path
) -> None:
    """Each stops within a frame of some 250 KB; a copy of it for each would show."""
    port = free_port()
    processes = Processes({**base_environment, "REDIS_URL": redis_url, "PORT": str(port)}, tmp_path)
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        stack.callback(processes.stop)
        web = processes.start("-m", "realtime.server")
        until(lambda: is_ready(url), "the web server")
        session = stack.enter_context(requests.Session())
        session.get(url)
        cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
        for _ in range(READERS):
            reader = stopped(port, cookie).sock
            assert reader is not None
            stack.callback(reader.close)
        before = memory(web.pid)
        bulk = {"task": "create_task", "args": [{"task_type": 3}] * 3000}
        assert session.post(f"{url}/api/jobs/bulk", json=bulk).status_code == 202
        until(lambda: "it does not read" in processes.log(), "the end of the first", within=20)
        grown = memory(web.pid) - before
    print(f"{grown / 1e6:.1f} MB for {READERS} readers that have stopped")
    assert grown < READERS * OWN + SHARED
