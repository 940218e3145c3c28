"""The end of a WebSocket (RFC 6455 §7): a closing frame that says why, and then the connection itself."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from wsproto.frame_protocol import CloseReason

from realtime.inlet import Listen
from realtime.outlet import CLOSE, Outlet, pack_bytes

Later = Callable[[float, Callable[[], None]], Callable[[], None]]  # (seconds, what to call) → what takes that back

SLOW = 10.0  # seconds in which a packet must be written
LINGER = 3.0  # seconds for a client to read our last word and hang up
LINGER_BYTES = 64 * 1024  # that we read meanwhile, and throw away
REASON = 123  # bytes


def closing(code: int, reason: str = "") -> bytes:
    """The closing frame of this code."""
    if code == CloseReason.NO_STATUS_RCVD:
        return pack_bytes(CLOSE, b"")
    return pack_bytes(CLOSE, struct.pack(">H", code) + reason.encode()[:REASON].decode(errors="ignore").encode())


class Ending:
    """Takes leave of one client whose frames nobody reads any more. `outlet` writes to its socket, of eventlet."""

    def __init__(self, wire: Any, outlet: Outlet, *, listen: Listen, later: Later) -> None:
        self._wire = wire
        self._plain: socket.socket = getattr(wire, "fd", wire)
        self._outlet = outlet
        self._listen, self._later = listen, later
        self._left = LINGER_BYTES
        self.is_over = False
        self._stops: list[Callable[[], None]] = []  # what ends our listening, and our deadline

    def say(self, last: bytes) -> None:
        """Write what is being written and the closing frame `last`; the client hangs up, or we do soon."""
        self._stops.append(self._later(SLOW, self.cut_off))
        self._outlet.finish(last, self._linger)

    def answer(self, last: bytes) -> None:
        """As `say`; the client has taken leave itself, and waits for us to hang up."""
        self._stops.append(self._later(SLOW, self.cut_off))
        self._outlet.finish(last, self._hang_up)

    def cut_off(self) -> None:
        """End it at once, and free what waits in the kernel."""
        with suppress(OSError):  # the other side was faster
            self._plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._outlet.finish(b"", self._hang_up)
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)  # a writer finds the end, and hangs up

    def _linger(self) -> None:
        """Closed at once, with bytes of the client unread, the kernel could take our last word back."""
        self._stop()
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_WR)
        self._stops = [self._later(LINGER, self._hang_up)]
        try:
            self._stops.append(self._listen(self._plain.fileno(), self._throw_away))
        except (OSError, ValueError):
            self._hang_up()  # it is closed already

    def _throw_away(self, _: int) -> None:
        """Called by the hub: something has come."""
        try:
            data = self._plain.recv(LINGER_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._left -= len(data)
        if not data or self._left <= 0:
            self._hang_up()

    def _stop(self) -> None:
        while self._stops:
            self._stops.pop()()

    def _hang_up(self) -> None:
        self._stop()
        self.is_over = True
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        self._wire.close()
