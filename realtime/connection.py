"""One client's connection: what it may send us, and what may wait for it. Bounded, whatever the client does.

python-engineio would queue without end for a reader that stops, and log a traceback for each broken packet.
"""

import logging
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import engineio.socket
from engineio.exceptions import SocketIsClosedError
from engineio.packet import Packet

SEND_RATE, SEND_BURST = 50.0, 300.0  # messages a second that a client may send, and how many at once
QUEUE_LIMIT = 32  # packets that wait while one is written; frames are shared by all, so each costs a reference
OWN_LIMIT = 64 * 1024  # characters of acks and ends that wait
SLOW = 10.0  # seconds in which a packet must be written
NAMELESS = 5.0  # seconds in which a client must have said CONNECT
LOOK = 0.02  # seconds between two looks at whether a client has read its answers
PACKET_TYPES = frozenset("0123456")
CONNECT = "0"
MESSAGE_TYPES = frozenset("0123")  # Socket.IO's that a client may send: it is told of errors, and we ask for no binary

log = logging.getLogger("headway.connection")


class Connection(engineio.socket.Socket):
    """An Engine.IO socket that is never owed more than it can be given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened_at = time.monotonic()
        self._ws: Any = None
        self._writing_since = 0.0  # 0: nothing is being written
        self._own = 0  # characters of our own that wait
        self._tokens, self._counted_at = SEND_BURST, self.opened_at

    # -- towards the client

    @property
    def is_free(self) -> bool:
        """Whether another frame may be handed over."""
        return not self.closed and self.queue.qsize() < QUEUE_LIMIT

    @property
    def is_idle(self) -> bool:
        """Whether all that was handed over has been written."""
        return not self.closed and not self._writing_since and self.queue.empty()

    @property
    def is_slow(self) -> bool:
        """Whether a packet has been under way for longer than any healthy reader needs."""
        return bool(self._writing_since) and time.monotonic() - self._writing_since > SLOW

    @property
    def owes_much(self) -> bool:
        """Whether answers wait that are too long for more to be asked: one list may have some hundred KB."""
        return not self.closed and self._own > OWN_LIMIT and not self.is_idle

    def send_shared(self, packet: Packet) -> None:
        """Queue a packet that others get too."""
        self.queue.put(packet)

    def send(self, pkt: Packet) -> None:
        """Queue a packet of this client alone: an ack, a ping. Too many of them, unread, end the connection."""
        if self.closed:
            return
        self._own += len(pkt.data) if isinstance(pkt.data, str) else 0
        if self._own > OWN_LIMIT and self._writing_since and self.queue.qsize() > 1:
            self.end("it does not read its answers")
            return
        try:
            super().send(pkt)
        except SocketIsClosedError:
            pass  # it left in this very moment

    def poll(self) -> list[Packet]:
        """The next packet to be written; one at a time, so that its time can be taken."""
        self._writing_since = 0.0
        if self.queue.empty():
            self._own = 0
        try:
            packet = self.queue.get(timeout=self.server.ping_interval + self.server.ping_timeout)
        except self.server.get_queue_empty_exception():
            raise engineio.exceptions.QueueEmpty() from None
        self.queue.task_done()
        if packet is None:
            return []
        self._writing_since = time.monotonic()
        return [packet]

    # -- from the client

    def handle_get_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The WebSocket, from its opening handshake to its end; what is no handshake is refused, and leaves nothing."""
        if _opens_a_websocket(environ):
            # eventlet would call it idle, and cut it off as soon as its server takes no more: before the drain is over
            environ.pop("eventlet.set_idle", None)
            return super().handle_get_request(environ, start_response)
        self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
        refusal = self.server._bad_request("expected the opening handshake of a WebSocket of version 13")
        refusal["headers"].append(("Sec-WebSocket-Version", "13"))
        return refusal

    def _websocket_handler(self, ws: Any) -> Any:
        self._ws = ws
        # eventlet's server leaves Nagle's algorithm on, which holds small frames back
        ws.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return super()._websocket_handler(_Checked(ws, self))

    def may_send(self) -> bool:
        """Whether a client that sends one message more stays within its rate."""
        now = time.monotonic()
        self._tokens = min(SEND_BURST, self._tokens + (now - self._counted_at) * SEND_RATE) - 1
        self._counted_at = now
        return self._tokens >= 0

    def end(self, why: str) -> None:
        """Close at once, and free what waits, in our memory and in the kernel's."""
        log.info("a connection is closed: %s", why)
        self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
        while not self.queue.empty():
            self.queue.get(block=False)
        self.queue.put(None)
        if self._ws is None:
            return
        raw = getattr(self._ws.socket, "fd", self._ws.socket)
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._ws.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side was faster


def ending_the_sender(
    engine: Any, handle: Callable[[str, Any], Any], has_joined: Callable[[str], bool]
) -> Callable[[str, Any], Any]:
    """Handle messages as `handle` does; one that is no Socket.IO, or comes before CONNECT, ends its sender alone."""

    def guarded(eio_sid: str, data: Any) -> Any:
        try:
            if data[0] != CONNECT and not has_joined(eio_sid):
                raise ValueError("expected CONNECT first")
            return handle(eio_sid, data)
        except (
            Exception
        ) as error:  # whatever a broken packet makes of the parser; our own handlers answer for themselves
            connection = engine.sockets.get(eio_sid)
            if isinstance(connection, Connection):
                connection.end(f"it does not speak Socket.IO ({type(error).__name__})")
            return None

    return guarded


def _opens_a_websocket(environ: Mapping[str, Any]) -> bool:
    """As RFC 6455 §4.2.1 has it; eventlet would take the drafts before it too, whose messages it does not bound."""
    connection = [part.strip() for part in environ.get("HTTP_CONNECTION", "").lower().split(",")]
    version = environ.get("HTTP_SEC_WEBSOCKET_VERSION")
    return "upgrade" in connection and version == "13" and "HTTP_SEC_WEBSOCKET_KEY" in environ


def unmask(payload: bytes, mask: Sequence[int], length: int | None = None, offset: int = 0) -> bytes:
    """`payload` XORed with the repeated `mask`, as RFC 6455 §5.3 has it; in one step, not byte by byte."""
    payload = payload[:length]
    count = len(payload)
    turned = bytes(mask[offset % 4 :]) + bytes(mask[: offset % 4])
    key = (turned * (count // 4 + 1))[:count]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(count, "big")


class _Last:
    """The text that was packed last. A frame goes to all its watchers in a row, so that one is enough."""

    text, packed = "", b""


def _packed(text: str, ws: Any) -> bytes:
    """`text` as a WebSocket frame of a server, which is the same for everybody."""
    if _Last.text is not text:
        _Last.text, _Last.packed = text, ws._pack_message(text)
    return _Last.packed


class _Checked:
    """A WebSocket whose messages have been looked at before Engine.IO parses them."""

    def __init__(self, ws: Any, connection: Connection) -> None:
        self._ws = ws
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ws, name)

    def send(self, message: Any) -> None:
        """Send a text; one that many are sent is made into bytes once. A copy each, while it is being written, would
        be the largest part of what a reader that has stopped costs: a frame may have some MB."""
        if isinstance(message, str):
            self._ws._send(memoryview(_packed(message, self._ws)))  # eventlet copies what is left at each turn
        else:
            self._ws.send(message)

    def wait(self) -> Any:
        """The next message; None, which ends the connection, where it is none of Engine.IO's."""
        while self._connection.owes_much:
            self._connection.server.sleep(LOOK)  # who does not read its answers is not read from
        message = self._ws.wait()
        if message is None:
            return None
        if not self._connection.may_send():
            self._connection.end("it sends too much")
            return None
        if isinstance(message, bytes) or message[:1] not in PACKET_TYPES:
            # we ask for no binary attachments, so a binary message belongs to nothing
            self._connection.end("it does not speak Engine.IO")
            return None
        if message[0] != "4":
            return message[0]  # what else it carries is of the upgrade from polling, and would be parsed
        if message[1:2] not in MESSAGE_TYPES:
            self._connection.end("it does not speak Socket.IO")
            return None
        return message
