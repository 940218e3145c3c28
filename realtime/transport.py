"""How the relay's packets reach its connections."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from engineio.packet import MESSAGE
from flask_socketio import SocketIO

from realtime.connection import Connection
from realtime.outlet import pack


class Transport(Protocol):
    """What the relay asks of it."""

    def send(self, sid: str, packet: str) -> bool:
        """False where the connection can take no more for now."""

    def together(self) -> AbstractContextManager[None]:
        """What is sent inside goes to each connection in one write."""

    def is_idle(self, sid: str) -> bool:
        """Whether all that was sent has been written; True of a connection that is no more."""

    def connections(self) -> Collection[str]: ...


class SocketTransport:
    """The relay's way to its connections. A packet is made into bytes once, and they are written to each."""

    def __init__(self, socketio: SocketIO) -> None:
        self._socketio = socketio
        self._last = ("", b"")
        self._together: dict[Connection, list[bytes]] | None = None  # what waits for the end of `together`

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is sent inside goes to each connection in one write."""
        gathered: dict[Connection, list[bytes]] = {}
        self._together = gathered
        try:
            yield
        finally:
            self._together = None
            for connection, frames in gathered.items():
                connection.send_shared(*frames)

    def send(self, sid: str, packet: str) -> bool:
        connection = self._connection(sid)
        if connection is None:
            return True  # it has left, and is owed nothing
        if not connection.is_free:
            return False
        if self._last[0] is not packet:
            self._last = (packet, pack(f"{MESSAGE}{packet}"))
        if self._together is None:
            connection.send_shared(self._last[1])
        else:
            self._together.setdefault(connection, []).append(self._last[1])
        return True

    def is_idle(self, sid: str) -> bool:
        connection = self._connection(sid)
        return connection is None or connection.is_idle

    def connections(self) -> Collection[str]:
        return {sid: None for sid, _ in self._socketio.server.manager.get_participants("/", None)}

    def _connection(self, sid: str) -> Connection | None:
        server = self._socketio.server
        connection = server.eio.sockets.get(server.manager.eio_sid_from_sid(sid, "/"))
        return connection if isinstance(connection, Connection) and not connection.closed else None
