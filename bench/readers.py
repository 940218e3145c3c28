"""Clients: WebSocket readers, some that never read, and pages that poll. Raw frames, no library a client."""

import base64
import json
import os
import re
import selectors
import socket
import struct
import time

CHUNK = 256 * 1024
VERSION = b'"version":'
STATE = re.compile(rb'"id":"([a-z0-9]+)","version":(\d{16})')
LONGEST = 64  # bytes of the beginning of a state, up to its version
DIGITS = 16  # of a version: µs since 1970
PING, PONG = b"\x81\x012", "3"
NARROW = 4096  # bytes that the kernel keeps for a reader that does not read

Had = tuple[int, str, int]  # µs, a job, and which version of it was here by then

# times that a stuck reader asks for the job whose answers it leaves unread, to fill the kernel's buffers: with as many
# as make 64 KiB it would be closed for these, at once
ASKS = 30


def connect(port: int, *, narrow: bool = False, headers: str = "") -> socket.socket:
    """A WebSocket that has said CONNECT to Socket.IO, and has had its answers. `headers` end with CRLF each."""
    client = socket.socket()
    if narrow:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
    client.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n".encode()
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


def watch(topic: str) -> bytes:
    """To Headway."""
    return frame('420["watch",' + json.dumps({"topics": [topic]}) + "]")


def join(room: str) -> bytes:
    """To Flask-SocketIO."""
    return frame("42" + json.dumps(["join", room]))


class Reader:
    """One reader: what it had when. `ready` is called when there is something to be read."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.jobs: list[str] = []  # that it watches
        self.had: list[Had] = []
        self._rest = b""

    def ready(self) -> None:
        data = self.client.recv(CHUNK)
        if not data:
            raise SystemExit("the server closed a reader that reads")
        if PING in data:
            self.client.sendall(frame(PONG))
        self._rest = self._take(self._rest + data)

    def _take(self, text: bytes) -> bytes:
        """What may be the beginning of something of which the end has not come."""
        now, end = time.time_ns() // 1000, 0
        for found in STATE.finditer(text):
            self.had.append((now, found[1].decode(), int(found[2])))
            end = found.end()
        return text[max(end, len(text) - LONGEST) :]


class Counter(Reader):
    """Only counts: a Python that looks at each of some 100,000 states a second would be the slowest of all.

    `had` has for each read the oldest state's version, and how many there were in `counts`.
    """

    def __init__(self, client: socket.socket) -> None:
        super().__init__(client)
        self.counts: list[int] = []

    def _take(self, text: bytes) -> bytes:
        last = text.rfind(VERSION)
        whole = last < 0 or last + len(VERSION) + DIGITS <= len(text)
        count = text.count(VERSION) - (not whole)
        if count > 0:
            at = text.find(VERSION) + len(VERSION)
            self.had.append((time.time_ns() // 1000, "", int(text[at : at + DIGITS])))
            self.counts.append(count)
        return text[max(last + len(VERSION), len(text) - len(VERSION)) :] if whole else text[last:]


class Poller:
    """One page of the tutorials: asks for its job, and again a second after each answer."""

    def __init__(self, number: int, port: int, id: str, selector: selectors.BaseSelector) -> None:
        self.number = number
        self.jobs = [id]
        self.had: list[Had] = []
        self.client: socket.socket | None = None
        self._port = port
        self._selector = selector
        self._request = f"GET /tasks/{id} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
        self._answer = b""

    def ask(self) -> None:
        """Over a connection of its own: Werkzeug's server closes each."""
        self._answer = b""
        self.client = socket.socket()
        self.client.setblocking(False)
        self.client.connect_ex(("127.0.0.1", self._port))
        self._selector.register(self.client, selectors.EVENT_WRITE, self)

    def ready(self) -> bool:
        """Whether it is through, and is to ask again."""
        assert self.client is not None
        try:
            if self._selector.get_key(self.client).events == selectors.EVENT_WRITE:
                self.client.sendall(self._request)
                self._selector.modify(self.client, selectors.EVENT_READ, self)
                return False
            if part := self.client.recv(CHUNK):
                self._answer += part
                return False
        except OSError:
            self._answer = b""  # refused, since too many wait: a page, too, asks again later
        found = STATE.search(self._answer)
        if found:
            self.had.append((time.time_ns() // 1000, found[1].decode(), int(found[2])))
        self.leave()
        return True

    def leave(self) -> None:
        if self.client is not None:
            self._selector.unregister(self.client)
            self.client.close()
            self.client = None


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
        client.sendall(watch(f"job:{self._id}") * ASKS)

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
