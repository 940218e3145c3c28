"""What waits to be written to one WebSocket, and its writing: at once where the kernel takes it.

The invariants:
- A frame is handed over whole and written whole, in the order in which it came: whatever the kernel did not take is
  the first to be written next.
- One writer at a time: while a green thread writes, the frame that it writes is the first of those that wait.
- Between two looks at the kernel's buffer nothing else runs: `write` never waits.
- A frame for many is the same bytes for all: what waits costs a reference.
"""

import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any

Spawn = Callable[[Callable[[], None]], Any]

TOGETHER = 512  # frames in one write; the kernel takes 1,024 at the most
TEXT, CLOSE, PONG = 0x1, 0x8, 0xA  # opcodes


def pack(text: str) -> bytes:
    """`text` as one unmasked WebSocket frame (RFC 6455 §5.2)."""
    return pack_bytes(TEXT, text.encode())


def pack_bytes(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    first = 0x80 | opcode  # FIN
    if length < 126:
        return bytes((first, length)) + payload
    head = struct.pack(">BBH", first, 126, length) if length < 65536 else struct.pack(">BBQ", first, 127, length)
    return head + payload


class Outlet:
    """The way out to one client. Before `attach` all waits."""

    def __init__(self, spawn: Spawn, *, direct: bool = True) -> None:
        self._spawn = spawn
        self._direct = direct  # whether to try without a green thread first (HEADWAY_DIRECT)
        self._socket: Any = None  # which waits, its own thread alone
        self._plain: Any = None  # which never waits
        self._waiting: deque[bytes | memoryview] = deque()
        self._writing = False
        self._then: Callable[[], None] | None = None  # to be called when all has been written
        self.writing_since = 0.0  # when the frame that is being written was begun; 0: none is

    def __len__(self) -> int:
        """Frames that wait, the one that is being written included."""
        return len(self._waiting)

    def attach(self, socket_: Any) -> None:
        """Write to `socket_` from now on: eventlet's, or any that has `send` and `sendall`."""
        self._socket = socket_
        self._plain = getattr(socket_, "fd", socket_)
        if self._waiting:
            frames, self._waiting = self._waiting, deque()
            self.write(b"".join(frames))

    def write(self, *frames: bytes) -> None:
        """Take frames, which go out in one write where the kernel takes them."""
        if self._socket is None or self._waiting:
            self._waiting.extend(frames)
        elif not self._direct:
            self._waiting.extend(frames)
            self._begin()
        else:
            for start in range(0, len(frames), TOGETHER):
                self._write_now(frames[start : start + TOGETHER])

    def _write_now(self, frames: tuple[bytes, ...]) -> None:
        if self._waiting:
            self._waiting.extend(frames)
            return
        try:
            if len(frames) == 1:
                sent = self._plain.send(frames[0], socket.MSG_DONTWAIT)
            else:
                sent = self._plain.sendmsg(frames, (), socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # it has ended; whoever reads from it is told
        for frame in frames:
            if sent < len(frame):
                self._waiting.append(memoryview(frame)[sent:] if sent else frame)
            sent = max(0, sent - len(frame))
        if self._waiting:
            self._begin()

    def _begin(self) -> None:
        self._writing = True
        self.writing_since = time.monotonic()
        self._spawn(self._write_waiting)

    def _write_waiting(self) -> None:
        try:
            while self._waiting:
                self.writing_since = time.monotonic()
                self._socket.sendall(memoryview(self._waiting[0]))  # it copies what is left at each turn
                self._waiting.popleft()
        except OSError:
            self._waiting.clear()  # it has ended; whoever reads from it is told
        finally:
            self._writing, self.writing_since = False, 0.0
            if self._then is not None:
                self._then()

    def finish(self, last: bytes, then: Callable[[], None]) -> None:
        """Write what is being written, then `last`, and nothing else; then call `then`."""
        while len(self._waiting) > self._writing:
            self._waiting.pop()
        self.write(last)
        if self._writing:
            self._then = then
        else:
            then()
