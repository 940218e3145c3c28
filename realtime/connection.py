"""One client's connection: what it may send us, and what may wait for it. Bounded, whatever the client does.

python-engineio would queue without end for a reader that stops, and log a traceback for each broken packet.
"""

import logging
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import engineio.socket
from engineio.exceptions import UnknownPacketError
from engineio.packet import PING, Packet
from wsproto.frame_protocol import CloseReason, Frame, Opcode

from realtime.inlet import Inlet, Listen, Message, Refused, Spawn
from realtime.meter import ANSWER_BYTES_A_UNIT, Payer
from realtime.outlet import CLOSE, PONG, Outlet, pack, pack_bytes
from realtime.owed import Owed

SEND_RATE, SEND_BURST = 50.0, 300.0  # messages a second that a client may send, and how many at once
QUEUE_LIMIT = 8  # frames that wait, the one being written included; more would only make what is shown older
OWN_LIMIT = 64 * 1024  # characters of acks and ends that wait
SLOW = 10.0  # seconds in which a packet must be written
CONNECTION_LIMIT = 20_000  # of one process
NAMELESS = 5.0  # seconds in which a client must have said CONNECT
CONNECTION = "headway.connection"  # where an opening request has it
WAIT = 1.0  # seconds after which a connection in debt looks whether it is still there
LOOK = 0.02  # seconds between two looks at whether a client has read its answers
PACKET_TYPES = frozenset("0123456")
CONNECT = "0"
BUSY = "503 SERVICE UNAVAILABLE"
MESSAGE_TYPES = frozenset("0123")  # Socket.IO's that a client may send: it is told of errors, and we ask for no binary

log = logging.getLogger("headway.connection")


class Connection(engineio.socket.Socket):
    """An Engine.IO socket that is never owed more than it can be given, and has no green thread while it is quiet."""

    direct = True  # whether a frame is written without a green thread where the kernel takes it (HEADWAY_DIRECT)
    listen: Listen  # how to hear that bytes have come; of the server, as the next
    spawn: Spawn
    payer_of: Callable[[dict[str, Any]], Payer]  # who pays for it, by its opening request

    everybody = Owed()  # what waits for all of them together

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened_at = time.monotonic()
        self.outlet = Outlet(type(self).spawn, direct=self.direct)
        self.ping_due: float | None = None  # None: a pong is awaited
        self._inlet: Inlet | None = None  # None: there is no WebSocket, not yet or any more
        self._socket: Any = None
        self._own = 0  # characters of our own that wait
        self._tokens, self._counted_at = SEND_BURST, self.opened_at
        self.payer: Payer | None = None  # None: before the opening request

    # -- towards the client

    @property
    def is_free(self) -> bool:
        """Whether another frame may be handed over."""
        return not self.closed and len(self.outlet) < QUEUE_LIMIT

    @property
    def is_idle(self) -> bool:
        """Whether all that was handed over has been written."""
        return not self.closed and not self.outlet

    @property
    def is_slow(self) -> bool:
        """Whether a frame has been under way for longer than any healthy reader needs."""
        return bool(self.outlet.writing_since) and time.monotonic() - self.outlet.writing_since > SLOW

    @property
    def owes_much(self) -> bool:
        """Whether answers wait that are too long for more to be asked: one list may have some hundred KB."""
        return not self.closed and self._own > OWN_LIMIT and bool(self.outlet)

    @property
    def owed(self) -> int:
        """Characters of answers that wait, as far as is known."""
        return self._own if self.outlet else 0

    @property
    def since(self) -> float:
        """When the frame was begun that is being written."""
        return self.outlet.writing_since

    def send_shared(self, *frames: bytes) -> None:
        """Write frames that others get too, together where that is possible."""
        if not self.closed:
            self.outlet.write(*frames)

    def send(self, pkt: Packet) -> None:
        """Write a packet of this client alone: an ack, a ping. An ack answers what was taken from it, and while it
        owes much nothing more is taken: what waits is bounded by that and one ack."""
        if self.closed:
            return
        size = len(pkt.data) if isinstance(pkt.data, str) else 0
        if self.payer is not None:
            self.payer.charge(size / ANSWER_BYTES_A_UNIT)
        self._own = self._own + size if self.outlet else size
        self.outlet.write(pack(pkt.encode()))
        if size and self.outlet:
            self.everybody.add(self, size)

    def schedule_ping(self) -> None:
        """Owe a ping: `mind_pings`, one for all, sends it."""
        self.last_ping = None
        self.ping_due = time.monotonic() + self.server.ping_interval

    def mind_ping(self) -> None:
        """Send a ping that is due; end a client that has not answered the last one."""
        if self.ping_due is None:
            self.check_ping_timeout()
        elif time.monotonic() >= self.ping_due:
            self.ping_due, self.last_ping = None, time.time()  # type: ignore[assignment]
            self.send(Packet(PING))

    def close(self, *args: Any, **kwargs: Any) -> None:
        """End the conversation; what is being written is written, and nothing is read any more."""
        super().close(*args, **kwargs)
        if self.closed:
            self.everybody.discard(self)
        if self.closed and self._inlet is not None:
            self._leave(CloseReason.NORMAL_CLOSURE)

    def end(self, why: str) -> None:
        """Close at once, and free what waits, in our memory and in the kernel's."""
        log.info("a connection is closed: %s", why)
        self.everybody.discard(self)
        super().close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
        if self._inlet is not None:
            self._leave(None)

    def _leave(self, code: int | None) -> None:
        """Take leave of the WebSocket with a closing frame of `code`; with None at once."""
        assert self._inlet is not None
        self._inlet.stop()
        self._inlet = None
        self.server.sockets.pop(self.sid, None)
        if code is None:
            self._cut_off()
            return
        payload = b"" if code == CloseReason.NO_STATUS_RCVD else struct.pack(">H", code)
        self.outlet.finish(pack_bytes(CLOSE, payload), self._hang_up)
        if self.outlet:
            type(self).spawn(self._cut_off_if_slow)

    def _cut_off_if_slow(self) -> None:
        self.server.sleep(SLOW)
        if self.outlet:
            self._cut_off()

    def _cut_off(self) -> None:
        with suppress(OSError):  # the other side was faster
            plain = getattr(self._socket, "fd", self._socket)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.outlet.finish(b"", self._hang_up)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # whoever writes is told, and hangs up

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    # -- from the client

    def handle_get_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The WebSocket, from its opening handshake to its end; what is no handshake is refused, and leaves nothing."""
        if not _opens_a_websocket(environ):
            refusal = self.server._bad_request("expected the opening handshake of a WebSocket of version 13")
            refusal["headers"].append(("Sec-WebSocket-Version", "13"))
        elif len(self.server.sockets) > CONNECTION_LIMIT:
            refusal = {**self.server._bad_request("too many connections: come again later"), "status": BUSY}
        else:
            self.payer = type(self).payer_of(environ)
            environ[CONNECTION] = self
            return super().handle_get_request(environ, start_response)
        self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
        return refusal

    def _websocket_handler(self, ws: Any) -> Any:
        """Take the connection over from the WSGI server, whose request ends with this."""
        self._socket = ws.socket
        ws.let_go()
        with suppress(OSError):  # it is gone already, and the first read says so
            # eventlet's server leaves Nagle's algorithm on, which holds small frames back
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(None)  # pings find out who is gone
        self.connected = self.upgraded = True
        self.outlet.attach(self._socket)
        self._inlet = Inlet(
            getattr(self._socket, "fd", self._socket),
            self.server.max_http_buffer_size,
            listen=type(self).listen,
            spawn=type(self).spawn,
            take=self._take,
        )
        self._inlet.start()
        return []

    def _take(self, message: Message) -> None:
        """One message, in its own time; None where there will be no more."""
        while self.owes_much:
            self.server.sleep(LOOK)  # who does not read its answers is not read from
        if self._inlet is None:
            return  # it has been closed meanwhile
        if isinstance(message, str | bytes):
            self._take_text(message)
        elif isinstance(message, Frame) and message.opcode is not Opcode.CLOSE:
            self._take_control(message)
        else:
            super().close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
            self._leave(_answer_to(message))

    def _take_control(self, frame: Frame) -> None:
        if not self.may_send():
            self.end("it sends too much")
        elif frame.opcode is Opcode.PING and isinstance(frame.payload, bytes) and self.is_free:
            self.outlet.write(pack_bytes(PONG, frame.payload))

    def _take_text(self, message: str | bytes) -> None:
        if not self.may_send():
            self.end("it sends too much")
        elif isinstance(message, bytes) or message[:1] not in PACKET_TYPES:
            # we ask for no binary attachments, so a binary message belongs to nothing
            self.end("it does not speak Engine.IO")
        elif message[0] == "4" and message[1:2] not in MESSAGE_TYPES:
            self.end("it does not speak Socket.IO")
        else:
            # what another than a message carries is of the upgrade from polling, and would be parsed
            packet = Packet(encoded_packet=message if message[0] == "4" else message[0])
            if message[0] == "4" and not self._may_go_on(len(message)):
                return  # it has been closed meanwhile
            with suppress(UnknownPacketError):  # what has no place here changes nothing
                self.receive(packet)

    def _may_go_on(self, size: int) -> bool:
        """Wait until its payer can afford a message of that size; until then nothing more is read from this client."""
        if self.payer is None:
            return True
        due = time.monotonic() + self.payer.book(size)
        while not self.closed and (left := due - time.monotonic()) > 0:
            self.server.sleep(min(left, WAIT))
        return not self.closed

    def may_send(self) -> bool:
        """Whether a client that sends one message more stays within its rate."""
        now = time.monotonic()
        self._tokens = min(SEND_BURST, self._tokens + (now - self._counted_at) * SEND_RATE) - 1
        self._counted_at = now
        return self._tokens >= 0


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


def _answer_to(message: Message) -> int | None:
    """The code of the closing frame that answers a client's last word; None where there is nobody to read it."""
    if isinstance(message, Refused):
        return message.code
    if isinstance(message, Frame) and isinstance(message.payload, tuple):
        return message.payload[0]  # a closing frame is answered with its own code (RFC 6455 §5.5.1)
    return None
