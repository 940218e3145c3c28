"""One client's connection: what it may send us, and what may wait for it. Bounded, whatever the client does.

python-engineio would queue without end for a reader that stops, and log a traceback for each broken packet.
"""

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import engineio.socket
from engineio.exceptions import UnknownPacketError
from engineio.packet import PING, Packet
from wsproto.frame_protocol import CloseReason, Frame, Opcode

from realtime.ending import SLOW, Ending, Later, closing
from realtime.inlet import Inlet, Listen, Message, Refused, Spawn
from realtime.meter import ANSWER_BYTES_A_UNIT, Payer
from realtime.outlet import PONG, Outlet, pack, pack_bytes
from realtime.owed import Owed

SEND_RATE, SEND_BURST = 50.0, 300.0  # messages a second that a client may send, and how many at once
QUEUE_LIMIT = 8  # frames that wait, the one being written included; more would only make what is shown older
OWN_LIMIT = 64 * 1024  # characters of acks and ends that wait
NAMELESS = 5.0  # seconds in which a client must have said CONNECT
CONNECTION = "headway.connection"  # where an opening request has it
WAIT = 1.0  # seconds after which a connection in debt looks whether it is still there
LOOK = 0.02  # seconds between two looks at whether a client has read its answers
PACKET_TYPES = frozenset("0123456")
CONNECT = "0"
RESTART = "the server restarts"
GOODBYES = {  # by the reason in Engine.IO's words; clients come back after these
    RESTART: (CloseReason.SERVICE_RESTART, f"{RESTART}: come back"),
    "ping timeout": (CloseReason.GOING_AWAY, "no pong has come in time"),
}
TOO_MUCH = "expected at most 50 messages a second"
NO_PACKET = "expected a packet of Socket.IO 5"
BINARY_TYPES = ("5", "6")
MESSAGE_TYPES = frozenset("0123")  # Socket.IO's that a client may send: it is told of errors, and we ask for no binary

log = logging.getLogger("headway.connection")


class Connection(engineio.socket.Socket):
    """An Engine.IO socket that is never owed more than it can be given, and has no green thread while it is quiet."""

    direct = True  # whether a frame is written without a green thread where the kernel takes it (HEADWAY_DIRECT)
    listen: Listen  # how to hear that bytes have come; of the server, as the next
    spawn: Spawn
    later: Later
    payer_of: Callable[[dict[str, Any]], Payer]  # who pays for it, by its opening request

    everybody = Owed()  # what waits for all of them together

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened_at = time.monotonic()
        self.outlet = Outlet(type(self).spawn, direct=self.direct)
        self.ping_due: float | None = None  # None: a pong is awaited
        self._inlet: Inlet | None = None  # None: there is no WebSocket, not yet or any more
        self._ending: Ending | None = None
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

    def close(self, *args: Any, reason: str | None = None, **kwargs: Any) -> None:
        """End the conversation; what is being written is written, and nothing is read any more.

        Without Engine.IO's CLOSE, after which python-socketio's clients never come back.
        """
        super().close(*args, **{**kwargs, "abort": True, "reason": reason})
        if self.closed:
            self.everybody.discard(self)
        if self.closed and self._inlet is not None:
            self._leave().say(closing(*GOODBYES.get(reason or "", (CloseReason.NORMAL_CLOSURE, ""))))

    def refuse(self, code: CloseReason, why: str) -> None:
        """End the conversation with a client that breaks a rule, and say which; one that does not read is cut off."""
        if self.outlet:
            self.end(why)
        elif (ending := self._end(why)) is not None:
            ending.say(closing(code, why))

    def end(self, why: str) -> None:
        """Close at once, and free what waits, in our memory and in the kernel's."""
        if (ending := self._end(why)) is not None:
            ending.cut_off()

    def _end(self, why: str) -> Ending | None:
        """None where there is no WebSocket, not yet or any more."""
        log.info("a connection is closed: %s", why)
        self.everybody.discard(self)
        super().close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
        return self._leave() if self._inlet is not None else None

    def _leave(self) -> Ending:
        """Stop hearing the WebSocket, before it ends."""
        assert self._inlet is not None
        self._inlet.stop()
        self._inlet = None
        self.server.sockets.pop(self.sid, None)
        self._ending = Ending(self._socket, self.outlet, listen=type(self).listen, later=type(self).later)
        return self._ending

    @property
    def has_ended(self) -> bool:
        """Whether its WebSocket is closed, or there never was one."""
        return self.closed and (self._ending is None or self._ending.is_over)

    # -- from the client

    def handle_get_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The WebSocket, from its opening handshake, which `Opening` has judged, to its end."""
        self.payer = type(self).payer_of(environ)
        environ[CONNECTION] = self
        return super().handle_get_request(environ, start_response)

    def _websocket_handler(self, ws: Any) -> Any:
        """Take the connection over from the WSGI server, whose request ends with this."""
        self._socket = ws.socket
        first = ws.let_go()
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
        self._inlet.begin(first)
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
            _take_leave(self._leave(), message)

    def _take_control(self, frame: Frame) -> None:
        if not self.may_send():
            self.refuse(CloseReason.POLICY_VIOLATION, TOO_MUCH)
        elif frame.opcode is Opcode.PING and isinstance(frame.payload, bytes) and self.is_free:
            self.outlet.write(pack_bytes(PONG, frame.payload))

    def _take_text(self, message: str | bytes) -> None:
        if not self.may_send():
            self.refuse(CloseReason.POLICY_VIOLATION, TOO_MUCH)
        elif isinstance(message, bytes):
            # we ask for no binary attachments, so it belongs to nothing
            self.refuse(CloseReason.UNSUPPORTED_DATA, "expected text, got a binary message")
        elif message[:1] not in PACKET_TYPES:
            self.refuse(CloseReason.PROTOCOL_ERROR, "expected a packet of Engine.IO 4")
        elif message[0] == "4" and message[1:2] not in MESSAGE_TYPES:
            if message[1:2] in BINARY_TYPES:
                self.refuse(CloseReason.UNSUPPORTED_DATA, "expected no binary attachments")
            else:
                self.refuse(CloseReason.PROTOCOL_ERROR, NO_PACKET)
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


class Unjoined(Exception):
    """A packet that comes before CONNECT."""


def ending_the_sender(
    engine: Any, handle: Callable[[str, Any], Any], has_joined: Callable[[str], bool]
) -> Callable[[str, Any], Any]:
    """Handle messages as `handle` does; one that is no Socket.IO, or comes before CONNECT, ends its sender alone."""

    def guarded(eio_sid: str, data: Any) -> Any:
        try:
            if data[0] != CONNECT and not has_joined(eio_sid):
                raise Unjoined("expected CONNECT before any other packet")
            return handle(eio_sid, data)
        except (
            Exception
        ) as error:  # whatever a broken packet makes of the parser; our own handlers answer for themselves
            connection = engine.sockets.get(eio_sid)
            if isinstance(connection, Connection):
                why = str(error) if isinstance(error, Unjoined) else f"{NO_PACKET} ({type(error).__name__})"
                connection.refuse(CloseReason.PROTOCOL_ERROR, why)
            return None

    return guarded


def _take_leave(ending: Ending, message: Message) -> None:
    """Answer a client's last word, which may have been that it has gone."""
    if isinstance(message, Refused):
        ending.say(closing(message.code, message.why))
    elif isinstance(message, Frame) and isinstance(message.payload, tuple):
        ending.answer(closing(message.payload[0]))  # a closing frame is answered with its own code (RFC 6455 §5.5.1)
    else:
        ending.cut_off()
