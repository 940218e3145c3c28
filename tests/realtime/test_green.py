"""Connections that outlive the request in which they began: in the server itself, since eventlet patches all of it."""

import os
import socket
import struct
import threading

from tests.conftest import Stack, until
from tests.realtime.clients import Raw, connected


def test_a_handed_over_connection_outlives_its_request_and_others_do_not(stack: Stack) -> None:
    with Raw(stack.url).join() as raw, connected(stack.url) as client:
        assert stack.session().get(f"{stack.url}/healthz").status_code == 200
        assert client.watch("job:none")["ok"] is True
        assert not raw.is_closed(within=0.5)


def test_many_come_and_go_at_once(stack: Stack) -> None:
    def visit() -> None:
        for _ in range(10):
            with Raw(stack.url).join():
                pass

    threads = [threading.Thread(target=visit) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    with connected(stack.url) as client:
        assert client.watch("job:none")["ok"] is True


def test_who_is_gone_before_the_handshake_is_answered_leaves_no_open_file(stack: Stack) -> None:
    pid = stack.processes._running[0].pid
    port = int(stack.url.rpartition(":")[2])
    hello = (
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )

    def open_files() -> int:
        return len(os.listdir(f"/proc/{pid}/fd"))

    before = open_files()
    for _ in range(300):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(hello.encode())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # a reset
    until(lambda: open_files() <= before + 10, "the end of their files")
