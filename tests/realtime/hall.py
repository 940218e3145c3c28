"""A door and its lobby without a hub: `turn` does what a hub would do."""

import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from realtime.caller import Caller, Then
from realtime.door import Door
from realtime.framing import Head
from realtime.gate import Gate, Room
from realtime.lobby import Lobby
from tests.hostile.conftest import read_all, statuses
from tests.workers.conftest import Clock
from workers.addresses import networks

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Wire:
    """A socket as eventlet's: `fd` never waits."""

    def __init__(self, fd: socket.socket) -> None:
        fd.setblocking(False)
        self.fd = fd
        self.close: Any = fd.close
        self.shutdown, self.fileno, self.sendall = fd.shutdown, fd.fileno, fd.sendall


class Hall:
    def __init__(self, gate: Gate, room: Room, unfinished: int, trusted: str, clock: Clock) -> None:
        self.errors: deque[OSError] = deque()
        self.answered: list[tuple[str, str]] = []  # paths, and whose they were
        self.then = Then.STAYS
        self._listening = Wire(socket.create_server(("127.0.0.1", 0)))
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._tasks: deque[Callable[[], None]] = deque()
        self._clients: list[socket.socket] = []
        self._kept: list[Wire] = []
        given: dict[str, Any] = {"listen": self._listen, "trusted": networks(trusted), "now": clock}
        lobby = Lobby(gate, room, self._answer, spawn=self._tasks.append, unfinished=unfinished, **given)
        self.door = Door(gate, lobby, accept=self._accept, **given)
        self.door.open(self._listening)

    def _accept(self, listening: Wire) -> tuple[Wire, Any]:
        if self.errors:
            raise self.errors.popleft()
        taken, address = listening.fd.accept()
        return Wire(taken), address

    def _listen(self, file: int, callback: Callable[[int], None]) -> Callable[[], None]:
        assert file not in self._callbacks
        self._callbacks[file] = callback
        return lambda: void(self._callbacks.pop(file))

    def _answer(self, caller: Caller, head: Head, client: str) -> tuple[Then, int]:
        self.answered.append((head.target, client))
        caller.wire.sendall(OK)
        if self.then is Then.KEPT:
            self._kept.append(caller.wire)
        return self.then, 0

    def turn(self) -> None:
        for file, callback in list(self._callbacks.items()):
            if file in self._callbacks:
                callback(file)
        while self._tasks:
            self._tasks.popleft()()

    def arrive(self, data: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        client = socket.create_connection(self._listening.fd.getsockname(), 5, (source, 0))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients.append(client)
        client.sendall(data)
        return client

    def connect(self, data: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        """As `arrive`, and the hub has its turn."""
        client = self.arrive(data, source)
        self.turn()
        return client

    def end(self) -> None:
        self.door.close()
        for client in self._clients:
            client.close()
        for wire in self._kept:
            wire.close()
        self.turn()


def void(_: object) -> None: ...


def answers(client: socket.socket) -> list[int]:
    return statuses(read_all(client, 0.05))
