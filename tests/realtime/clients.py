"""A foreign Socket.IO client: python-socketio's own, which knows nothing of Headway."""

import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
import socketio

from tests.conftest import DEADLINE


class Client:
    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._socket = socketio.Client(reconnection=False)
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.seen: list[tuple[str, Any]] = []
        for event in ("jobs", "gone", "relay", "ended"):
            self._socket.on(event, lambda data, event=event: self.events.put((event, data)))
        self._socket.connect(url, headers=headers, transports=["websocket"], wait_timeout=DEADLINE)
        self._websocket = self._socket.eio.ws

    def ask(self, event: str, data: Any) -> Any:
        """Emit, and wait for the ack."""
        return self._socket.call(event, data, timeout=DEADLINE)

    def watch(self, *topics: str) -> Any:
        return self.ask("watch", {"topics": list(topics)})

    def hear(self, event: str, wanted: Callable[[Any], bool] = lambda data: True) -> Any:
        """The next `event` whose data is wanted; what else comes is kept in `seen`."""
        while True:
            found = self.events.get(timeout=DEADLINE)
            self.seen.append(found)
            if found[0] == event and wanted(found[1]):
                return found[1]

    def close(self) -> None:
        self._socket.disconnect()
        # where the server was faster, the library leaves its socket open and its writer waiting
        self._websocket.close()
        if self._socket.eio.queue is not None:
            self._socket.eio.queue.put(None)


@contextmanager
def connected(
    url: str, session: requests.Session | None = None, headers: Mapping[str, str] | None = None
) -> Iterator[Client]:
    """A connection with the cookies of `session`."""
    headers = dict(headers or {})
    if session is not None:
        headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    client = Client(url, headers)
    try:
        yield client
    finally:
        client.close()
