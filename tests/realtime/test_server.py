"""The web process as a whole: what only shows on the wire and in the process table."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.conftest import ROOT, Processes, Stack, free_port, is_ready, start_redis, until
from tests.realtime.clients import connected


def handshake(url: str, *headers: str) -> bytes:
    """The answer to a WebSocket's opening handshake (RFC 6455 §4)."""
    port = int(url.rsplit(":", 1)[1])
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(4096)


@pytest.mark.parametrize(
    ("origin", "status"), [(None, b"101"), ("own", b"101"), ("https://evil.example", b"400"), ("null", b"400")]
)
def test_foreign_origins_are_refused(origin: str | None, status: bytes, stack: Stack) -> None:
    header = {None: [], "own": [f"Origin: {stack.url}"]}.get(origin, [f"Origin: {origin}"])
    assert handshake(stack.url, *header).split(b" ")[1] == status


def test_compression_is_declined(stack: Stack) -> None:
    answer = handshake(stack.url, "Sec-WebSocket-Extensions: permessage-deflate")
    assert answer.startswith(b"HTTP/1.1 101") and b"permessage-deflate" not in answer


def test_frames_are_not_held_back(stack: Stack) -> None:
    """With Nagle's algorithm on, a frame waits for the ack of the one before: 40 ms on Linux."""
    session = stack.session()
    with connected(stack.url, session) as client:
        client.watch("mine")
        stack.submit(session, "create_task", task_type=1)
        lags: list[float] = []
        while len(lags) < 40:
            state = client.hear("jobs")["jobs"][0]
            lags.append(time.time() * 1000 - state["updated_at"])
    assert sorted(lags)[len(lags) // 2] < 25, f"ms from the write to the client: {lags}"


def test_while_redis_is_away_pages_are_told_and_after_it_they_get_the_truth(
    base_environment: dict[str, str], tmp_path: Path
) -> None:
    server, redis_url = start_redis(tmp_path, appendonly="yes")
    port = free_port()
    processes = Processes({**base_environment, "REDIS_URL": redis_url, "PORT": str(port)}, tmp_path)
    url = f"http://127.0.0.1:{port}"
    try:
        processes.start("-m", "realtime.server")
        until(lambda: is_ready(url), "the web server")
        session = requests.Session()
        session.get(url)
        with connected(url, session) as client:
            id = session.post(f"{url}/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}).json()["id"]
            client.watch("mine")
            client.hear("relay", lambda word: word["state"] == "live")
            server.kill()
            server.wait()
            client.hear("relay", lambda word: word["state"] == "stale")
            assert requests.get(f"{url}/readyz").status_code == 503
            path = redis_url.removeprefix("unix://")
            os.unlink(path)
            server = subprocess.Popen(server.args, stdout=subprocess.DEVNULL)
            snapshot = client.hear("jobs", lambda data: data.get("snapshot") is True)
            assert [job["id"] for job in snapshot["jobs"]] == [id]
            client.hear("relay", lambda word: word["state"] == "live")
            until(lambda: is_ready(url), "ready again")
    finally:
        processes.stop()
        server.kill()
        server.wait()


def test_asked_to_end_it_says_goodbye_and_ends(
    base_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    processes = Processes({**base_environment, "REDIS_URL": redis_url, "PORT": str(port)}, tmp_path)
    try:
        web = processes.start("-m", "realtime.server")
        until(lambda: is_ready(f"http://127.0.0.1:{port}"), "the web server")
        with connected(f"http://127.0.0.1:{port}") as client:
            client.hear("relay")
            web.send_signal(signal.SIGTERM)
            assert web.wait(5) == 0
    finally:
        processes.stop()


def test_a_taken_port_is_one_clear_line(stack: Stack) -> None:
    environment = {"PORT": stack.url.rsplit(":", 1)[1], "REDIS_URL": stack.redis_url, "SECRET_KEY": "k"}
    environment["HEADWAY_OPERATOR_TOKEN"] = "t"
    command = [sys.executable, "-m", "realtime.server"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert answer.returncode == 1 and answer.stdout == ""
    assert "can't be listened on" in answer.stderr and answer.stderr.count("\n") == 1
