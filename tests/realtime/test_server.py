"""The web process as a whole: what only shows on the wire and in the process table."""

import base64
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests
import websocket
from websocket import ABNF

from realtime.connection import NAMELESS, SEND_BURST
from tests.conftest import DEADLINE, ROOT, Processes, Stack, free_port, is_ready, start_redis, until
from tests.realtime.clients import Raw, connected
from workers import store
from workers.errors import WRONG
from workers.installation import FINGERPRINT_KEY, fingerprint


def handshake(url: str, *headers: str, behind: bytes = b"", wanted: bytes = b"") -> bytes:
    """The answer to a WebSocket's opening handshake (RFC 6455 §4), until `wanted` has come."""
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
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + behind)
        answer = connection.recv(4096)
        while wanted not in answer and (part := connection.recv(4096)):
            answer += part
        return answer


@pytest.mark.parametrize(
    ("origin", "status"), [(None, b"101"), ("own", b"101"), ("https://evil.example", b"403"), ("null", b"403")]
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


ENDS = """
import sys, realtime.server as server
from tests.no_files import no_files

server.serve = lambda *_: None
assert server.main() == 0

def without_files(settings, *_):
    with no_files():
        server.green.open_port(settings)

server.serve = without_files
sys.exit(server.main())
"""


def test_a_server_ends_by_what_it_met(base_environment: dict[str, str], redis_url: str) -> None:
    """The accept loop and the drain both wait for the last page: whichever is first, a supervisor sees no failure.
    And where the system lacks something, it is not the port's fault."""
    environment = {**os.environ, **base_environment, "REDIS_URL": redis_url}
    command = [sys.executable, "-c", ENDS]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, "the web server has to end: Too many open files")


def test_with_another_key_than_the_installations_it_does_not_start_but_where_that_is_meant(stack: Stack) -> None:
    port = free_port()
    given = {"PORT": str(port), "REDIS_URL": stack.redis_url, "SECRET_KEY": "another key of the tests"}
    environment = {**os.environ, **stack.processes.environment, **given}
    command = [sys.executable, "-m", "realtime.server"]
    refused = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == WRONG and refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("SECRET_KEY is not the key of the web processes that have used this Redis")
    redis = store.connect(stack.redis_url)
    before = redis.get(FINGERPRINT_KEY)
    web = subprocess.Popen([*command, "--new-key"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: redis.get(FINGERPRINT_KEY) == fingerprint(given["SECRET_KEY"]).encode(), "its key to count")
    finally:
        web.kill()
        web.wait()
        redis.set(FINGERPRINT_KEY, before or b"")
        redis.close()


def test_a_taken_port_is_one_clear_line(stack: Stack) -> None:
    environment = {
        "PORT": stack.url.rsplit(":", 1)[1],
        "REDIS_URL": stack.redis_url,
        "SECRET_KEY": "a key of the tests",
    }
    environment["HEADWAY_OPERATOR_TOKEN"] = "a token of the tests"
    command = [sys.executable, "-m", "realtime.server"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert answer.returncode == WRONG and answer.stdout == ""
    assert "can't be listened on" in answer.stderr and answer.stderr.count("\n") == 1


def test_a_frame_that_is_too_long_ends_its_sender(stack: Stack) -> None:
    with closing(Raw(stack.url).join()) as raw:
        raw.socket.send("42" + "x" * 70_000)
        assert raw.last_word()[0] == 1009


def test_a_flood_ends_its_sender_and_holds_up_nobody(stack: Stack) -> None:
    with connected(stack.url, stack.session()) as bystander, closing(Raw(stack.url).join()) as raw:
        try:
            for number in range(20_000):
                raw.socket.send(f'42{number}["watch",{{"topics":["mine"]}}]')
        except OSError:
            pass  # it has been ended, as it should
        began = time.monotonic()
        assert bystander.watch("mine")["ok"] is True
        assert time.monotonic() - began < 1.5
        assert raw.is_closed()


def test_who_sends_too_much_reads_so(stack: Stack) -> None:
    with closing(Raw(stack.url).join()) as raw:
        raw.plain.sendall(ABNF.create_frame("3", ABNF.OPCODE_TEXT).format() * (int(SEND_BURST) + 50))
        assert raw.last_word() == (1008, "expected at most 50 messages a second")


def test_who_never_says_connect_is_ended(stack: Stack) -> None:
    with closing(Raw(stack.url)) as raw:
        assert NAMELESS < DEADLINE and raw.last_word() == (1008, "expected CONNECT within 5 s")


def test_frames_in_one_segment_with_the_handshake_are_heard(stack: Stack) -> None:
    packet = ABNF.create_frame("40", ABNF.OPCODE_TEXT).format()
    assert b'40{"sid":' in handshake(stack.url, behind=packet, wanted=b'40{"sid":')


def test_a_reader_that_stops_is_ended_and_loses_nothing(stack: Stack) -> None:
    """Beside one that reads, whose frames come as ever; and back again, it finds everything."""
    session = stack.session()
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    url = f"{stack.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect(("127.0.0.1", int(stack.url.rsplit(":", 1)[1])))
        stuck = websocket.create_connection(url, socket=narrow, header={"Cookie": cookie}, timeout=15)
        stuck.send("40")
        stuck.send('421["watch",{"topics":["mine"]}]')
        with connected(stack.url, session) as reader:
            reader.watch("mine")
            bulk = {"task": "create_task", "args": [{"task_type": 3}] * 3000, "queue": "bookInfoParser"}
            ids = set(session.post(f"{stack.url}/api/jobs/bulk", json=bulk).json()["ids"])
            seen: set[str] = set()
            while len(seen) < len(ids):
                seen |= {job["id"] for job in reader.hear("jobs")["jobs"]}
            assert seen == ids
            until(lambda: "it does not read" in stack.processes.log(0), "its end", within=20)
        session.post(f"{stack.url}/api/queues/bookInfoParser/empty", headers=stack.operator)
        [left] = session.get(f"{stack.url}/api/jobs?status=started").json()["jobs"]
        session.post(f"{stack.url}/api/jobs/{left['id']}/stop")
        with connected(stack.url, session) as back:
            assert [job["id"] for job in back.watch("mine")["topics"]["mine"]["jobs"]] == [left["id"]]
