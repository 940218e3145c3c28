"""The two directions of one HTTP connection, each with a deadline by the clock: bytes that drip don't move it."""

import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from realtime.framing import Fault, bad

READ_SIZE = 64 * 1024  # bytes taken from the kernel in one go
RATE = 16 * 1024  # bytes a second that a client must manage on average
GRACE = 10.0  # seconds before the average counts


def due(begun: float, done: int) -> float:
    """When a transfer that began at `begun` is too slow, having moved `done` bytes."""
    return begun + GRACE + done / RATE


class Stream:
    """What a client sends after a head. `rest` are the bytes that came with it; unread ones stay there."""

    def __init__(
        self,
        wire: Any,
        rest: bytearray,
        *,
        waits: Callable[[], None] = lambda: None,
        cut: Callable[[], Fault | None] = lambda: None,
    ) -> None:
        self.wire = wire
        self.ends_at = 0.0  # by time.monotonic
        self._rest = rest
        self._waits = waits  # called before each wait for the client
        self._cut = cut  # why we have ended it ourselves, if so

    def read(self, most: int) -> bytes:
        """At least one byte and at most `most`; b"" where there will be no more. Raises `Fault` when it is late."""
        if not self._rest:
            return self._receive(min(most, READ_SIZE))
        data = bytes(self._rest[:most])
        del self._rest[:most]
        return data

    def let_go(self) -> bytes:
        """What has come and nobody has read; it is its caller's."""
        data = bytes(self._rest)
        self._rest.clear()
        return data

    def read_line(self, limit: int) -> bytes:
        """The next line without its CR LF. Raises `Fault` where it has another end, or more than `limit` bytes."""
        begin = 0
        while (end := self._rest.find(b"\n", begin)) < 0 and len(self._rest) <= limit:
            begin = len(self._rest)
            data = self._receive(READ_SIZE)
            if not data:
                raise bad("The body ends before its last chunk")
            self._rest += data
        if end < 0 or end + 1 > limit:
            raise bad(f"A line between chunks is longer than {limit} bytes")
        line = bytes(self._rest[: end + 1])
        del self._rest[: end + 1]
        if line[-2:] != b"\r\n":
            raise bad("A line between chunks ends without CR LF")
        return line[:-2]

    def _receive(self, most: int) -> bytes:
        left = self.ends_at - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            try:
                return bytes(getattr(self.wire, "fd", self.wire).recv(most, socket.MSG_DONTWAIT))
            except BlockingIOError:
                self._waits()
            self.wire.settimeout(left)
            data = bytes(self.wire.recv(most))
            if not data and (fault := self._cut()) is not None:
                raise fault
            return data
        except TimeoutError as error:
            raise Fault(408, "bad_request", "The body took too long to come") from error
        except (OSError, EOFError):
            return b""  # the client has gone


class Outgoing:
    """What goes to a client, as the file that a WSGI server writes to. Raises `TimeoutError` where nobody reads."""

    closed = False

    def __init__(self, wire: Any) -> None:
        self._wire = wire
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._parts.append(data)

    def writelines(self, lines: Iterable[bytes]) -> None:
        self._parts.extend(lines)

    def flush(self) -> None:
        parts, self._parts = self._parts, []
        data = memoryview(b"".join(parts))
        begun, done = time.monotonic(), 0
        while done < len(data):
            left = due(begun, done) - time.monotonic()
            if left <= 0:
                raise TimeoutError("the client reads too slowly")
            self._wire.settimeout(left)
            done += self._wire.send(data[done:])
