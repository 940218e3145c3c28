"""Foreign clients: python-socketio's own, which knows nothing of Headway; and one that speaks packet by packet."""

import json
import queue
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
import socketio
import websocket

from tests.conftest import DEADLINE, Stack

WATCH, WATCHED = '["watch",{"topics":[]}]', '[{"ok":true,"topics":{}}]'  # the least that is answered, and its ack


class Client:
    def __init__(self, url: str, headers: dict[str, str], auth: Any = None) -> None:
        self._socket = socketio.Client(reconnection=False)
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.seen: list[tuple[str, Any]] = []
        for event in ("jobs", "gone", "relay", "ended", "refused", "stats", "log", "history", "schedule", "workers"):
            self._socket.on(event, lambda data, event=event: self.events.put((event, data)))
        self._socket.connect(url, headers=headers, auth=auth, transports=["websocket"], wait_timeout=DEADLINE)
        self._websocket = self._socket.eio.ws
        self._plain = self._websocket.sock  # which the library forgets, unclosed, once the server has closed

    def ask(self, event: str, data: Any) -> Any:
        """Emit, and wait for the ack."""
        return self._socket.call(event, data, timeout=DEADLINE)

    def watch(self, *topics: str) -> Any:
        return self.ask("watch", {"topics": list(topics)})

    def hear(self, event: str, wanted: Callable[[Any], bool] = lambda data: True) -> Any:
        """The next `event` whose data is wanted; what else comes is kept in `seen`."""
        deadline = time.monotonic() + DEADLINE  # of all: beats that come in between must not put it off
        while True:
            found = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            self.seen.append(found)
            if found[0] == event and wanted(found[1]):
                return found[1]

    def close(self) -> None:
        self._socket.disconnect()
        # where the server was faster, the library leaves its socket open and its writer waiting
        self._websocket.close()
        self._plain.close()
        if self._socket.eio.queue is not None:
            self._socket.eio.queue.put(None)


@contextmanager
def connected(
    url: str,
    session: requests.Session | None = None,
    headers: Mapping[str, str] | None = None,
    auth: Mapping[str, Any] | None = None,
) -> Iterator[Client]:
    """A connection with the cookies of `session`."""
    headers = dict(headers or {})
    if session is not None:
        headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    client = Client(url, headers, auth)
    try:
        yield client
    finally:
        client.close()


class Raw:
    """A WebSocket client that may do what no library does."""

    def __init__(self, url: str, query: str = "EIO=4&transport=websocket", **headers: str) -> None:
        address = f"{url.replace('http', 'ws')}/socket.io/?{query}"
        self.socket = websocket.create_connection(address, timeout=DEADLINE, header=headers)
        assert isinstance(self.socket.sock, socket.socket)
        self.plain = self.socket.sock  # which the library forgets, unclosed, when it meets an error
        opened = self.recv()
        assert opened[0] == "0"
        self.handshake: dict[str, Any] = json.loads(opened[1:])

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def join(self) -> "Raw":
        assert self.ask("40").startswith("40")
        return self

    def recv(self) -> str:
        return str(self.socket.recv())

    def frame(self) -> websocket.ABNF:
        return self.socket.recv_frame()  # type: ignore[no-any-return, no-untyped-call]

    def hear(self) -> str:
        """The next packet that is no beat of the relay; "" where the server closes instead."""
        while (packet := self.recv()).startswith('42["relay"'):
            pass
        return packet

    def ask(self, packet: str) -> str:
        self.socket.send(packet)
        return self.hear()

    def close(self) -> None:
        self.socket.close()
        self.plain.close()

    def last_word(self) -> tuple[int, str]:
        """Code and reason of the frame by which the server closes; no packet before it says CLOSE (Engine.IO's 1)."""
        while (frame := self.frame()).opcode != websocket.ABNF.OPCODE_CLOSE:
            assert frame.data not in ("1", b"1"), "after that python-socketio's clients never come back"
        data = frame.data if isinstance(frame.data, bytes) else frame.data.encode()
        return int.from_bytes(data[:2], "big"), data[2:].decode()

    def is_closed(self, within: float = 3.0) -> bool:
        """Waits until the server has closed; False where it has not done so in time."""
        ends = time.monotonic() + within
        self.socket.settimeout(within)
        try:
            while time.monotonic() < ends:
                if self.recv() == "":
                    return True
        except websocket.WebSocketTimeoutException:
            return False
        except (websocket.WebSocketConnectionClosedException, OSError):
            return True
        return False


def connections(stack: Stack) -> float:
    """How many the server says it has."""
    text = requests.get(f"{stack.url}/metrics", headers=stack.operator).text
    [count] = re.findall(r"^headway_connections (\S+)$", text, re.MULTILINE)
    return float(count)
