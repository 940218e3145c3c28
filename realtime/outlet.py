"""What waits to be written to one WebSocket, and its writing: at once where the kernel takes it.

The invariants:
- A frame is handed over whole and written whole, in the order in which it came: whatever the kernel did not take is
  the first to be written next.
- One writer at a time. Whoever writes holds the WebSocket's own lock, which its answers to pings respect too.
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


def pack(text: str) -> bytes:
    """`text` as one unmasked WebSocket frame (RFC 6455 §5.2: FIN, opcode 1)."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    head = struct.pack(">BBH", 0x81, 126, length) if length < 65536 else struct.pack(">BBQ", 0x81, 127, length)
    return head + payload


class Outlet:
    """The way out to one client. Before `attach` all waits."""

    def __init__(self, spawn: Spawn, *, direct: bool = True) -> None:
        self._spawn = spawn
        self._direct = direct  # whether to try without a green thread first (HEADWAY_DIRECT)
        self._ws: Any = None
        self._plain: Any = None
        self._waiting: deque[bytes | memoryview] = deque()
        self._writing = False
        self.writing_since = 0.0  # when the frame that is being written was begun; 0: none is

    def __len__(self) -> int:
        """Frames that wait, the one that is being written included."""
        return len(self._waiting)

    def attach(self, ws: Any) -> None:
        """Write to `ws` from now on: eventlet's WebSocket, with its `socket` and its `_sendlock`."""
        self._ws = ws
        self._plain = getattr(ws.socket, "fd", ws.socket)
        if self._waiting:
            self._begin(locked=False)

    def write(self, frame: bytes) -> None:
        """Take a frame."""
        if self._ws is None or self._waiting:
            self._waiting.append(frame)
        elif self._ws._sendlock.locked() or not self._direct:
            self._waiting.append(frame)
            self._begin(locked=False)
        else:
            self._write_now(frame)

    def _write_now(self, frame: bytes) -> None:
        try:
            sent = self._plain.send(frame, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # it has ended; whoever reads from it is told
        if sent < len(frame):
            self._ws._sendlock.acquire()  # it is free, so nobody else gets a turn
            self._waiting.append(memoryview(frame)[sent:])
            self._begin(locked=True)

    def _begin(self, *, locked: bool) -> None:
        if not self._writing:
            self._writing = True
            self.writing_since = time.monotonic()
            self._spawn(lambda: self._write_waiting(locked))

    def _write_waiting(self, locked: bool) -> None:
        if not locked:
            self._ws._sendlock.acquire()
        try:
            while self._waiting:
                self.writing_since = time.monotonic()
                self._ws.socket.sendall(memoryview(self._waiting[0]))  # it copies what is left at each turn
                if self._waiting:
                    self._waiting.popleft()
        except OSError:
            self._waiting.clear()  # it has ended; whoever reads from it is told
        finally:
            self._writing, self.writing_since = False, 0.0
            self._ws._sendlock.release()

    def clear(self) -> None:
        """Forget what waits: the connection ends."""
        self._waiting.clear()
