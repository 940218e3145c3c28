"""Many WebSocket readers of one topic in one process, and some that never read: raw frames, no library a client."""

import base64
import bisect
import json
import os
import resource
import selectors
import socket
import struct
import time
from multiprocessing.connection import Connection as Pipe

CHUNK = 256 * 1024
VERSION = b'"version":'
DIGITS = 16  # of a version: µs since 1970
PING, PONG = b"\x81\x012", "3"
NARROW = 4096  # bytes that the kernel keeps for a reader that does not read
ASKS = 100  # times that a stuck reader asks for the job whose answers it leaves unread, to fill the kernel's buffers


def connect(port: int, *, narrow: bool = False) -> socket.socket:
    """A WebSocket that has said CONNECT to Socket.IO, and has had its answers."""
    client = socket.socket()
    if narrow:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
    client.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    _await(client, b'{"sid"')  # what is sent before the answer to the handshake is lost
    client.sendall(frame("40"))
    _await(client, b'40{"sid"')
    return client


def _await(client: socket.socket, wanted: bytes) -> None:
    heard = b""
    while wanted not in heard:
        part = client.recv(4096)
        if not part:
            raise SystemExit("the server refused a reader")
        heard += part


def frame(text: str) -> bytes:
    """A client's text frame (RFC 6455 §5.2), masked with zeros."""
    body = text.encode()
    assert len(body) < 65_536
    size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack("!H", len(body))
    return b"\x81" + size + bytes(4) + body


def watch(id: str) -> bytes:
    return frame('420["watch",' + json.dumps({"topics": [f"job:{id}"]}) + "]")


class Reader:
    """One reader: when it had which version."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.rest = b""
        self.had: list[tuple[float, int]] = []

    def read(self) -> None:
        data = self.client.recv(CHUNK)
        if not data:
            raise SystemExit("the server closed a reader that reads")
        if PING in data:
            self.client.sendall(frame(PONG))
        text = self.rest + data
        at = text.rfind(VERSION) + len(VERSION)
        if at >= len(VERSION) and len(text) > at + DIGITS:
            self.had.append((time.time(), int(text[at : at + DIGITS])))
        self.rest = text[-len(VERSION) - DIGITS :]  # a version may be cut in two

    def lags(self, published: list[int]) -> list[float]:
        """ms from each publish until that version, or a newer one, was here."""
        lags: list[float] = []
        done = 0
        for at, version in self.had:
            upto = bisect.bisect_right(published, version)  # ours is taken before Redis takes its own
            lags += [at * 1000 - one / 1000 for one in published[done:upto]]
            done = max(done, upto)
        # what never came: at least as old as it is now
        return lags + [time.time() * 1000 - one / 1000 for one in published[done:]]


def read_all(port: int, id: str, count: int, orders: Pipe) -> None:
    """`count` readers, for ever. Each order is a list of published versions: the answer is (p50, p99) of their lags."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    selector = selectors.DefaultSelector()
    readers = [Reader(connect(port)) for _ in range(count)]
    for reader in readers:
        reader.client.sendall(watch(id))
        selector.register(reader.client, selectors.EVENT_READ, reader)
    selector.register(orders, selectors.EVENT_READ, None)
    orders.send("ready")
    while True:
        for key, _ in selector.select():
            if key.data is not None:
                key.data.read()
                continue
            published = orders.recv()
            lags = sorted(lag for reader in readers for lag in reader.lags(published))
            for reader in readers:
                reader.had.clear()
            orders.send((lags[len(lags) // 2], lags[int(len(lags) * 0.99)]) if lags else None)


class Stuck:
    """Readers that stop reading; closed for it, they come again and stop again."""

    def __init__(self, port: int, id: str, count: int) -> None:
        self._port, self._id = port, id
        self.clients = [connect(port, narrow=True) for _ in range(count)]
        self.closes = 0

    def stop(self) -> None:
        for client in self.clients:
            self._stop(client)

    def _stop(self, client: socket.socket) -> None:
        client.setblocking(False)
        client.sendall(watch(self._id) * ASKS)

    def mind(self) -> None:
        """Come again where the server has closed."""
        for place, client in enumerate(self.clients):
            # TCP_INFO's first byte is the state; 1 is established: nothing is read to find out
            if client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1:
                continue
            client.close()
            self.closes += 1
            self.clients[place] = connect(self._port, narrow=True)
            self._stop(self.clients[place])

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.clients = []
