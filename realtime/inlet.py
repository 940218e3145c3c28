"""What one client sends: its bytes are read where they have come, and only what they say takes a green thread.

A thread that waits for each connection, deep in the WSGI server's stack, would cost 30 KB of its own.
"""

import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed

READ_SIZE = 4096  # bytes taken in one turn: several hundred small frames, which are parsed within 5 ms
WAITING_LIMIT = 8  # messages after which nothing more is read until they have been taken

Listen = Callable[[int, Callable[[int], None]], Callable[[], None]]  # (file, what to call) → what ends it
Spawn = Callable[[Callable[[], None]], Any]


class Inlet:
    """The way in from one client (RFC 6455). `take` is given one message at a time, in a green thread.

    It gets text, bytes, control frames as they came, and at last None: there is nothing more to come.
    """

    def __init__(self, wire: socket.socket, limit: int, *, listen: Listen, spawn: Spawn, take: "Take") -> None:
        self._wire = wire
        self._limit = limit  # bytes of a message
        self._listen = listen
        self._spawn = spawn
        self._take = take
        self._frames = FrameProtocol(client=False, extensions=[])
        self._parts: list[Any] = []  # of a message that is not complete
        self._size = 0
        self._waiting: deque[Message] = deque()
        self._working = False
        self._stop: Callable[[], None] | None = None  # None: not listening
        self._ended = False

    def begin(self, data: bytes) -> None:
        """Listen to the client, from now on; `data` has come before."""
        self.start()
        if data:
            self._hear(data)

    def start(self) -> None:
        """Listen to the client, from now on."""
        if self._stop is None and not self._ended:
            self._stop = self._listen(self._wire.fileno(), self._read)

    def stop(self) -> None:
        """Listen no more: what has come and was not taken is forgotten."""
        self._ended = True
        self._waiting.clear()
        self._pause()

    def _pause(self) -> None:
        if self._stop is not None:
            stop, self._stop = self._stop, None
            stop()

    def _read(self, _: int) -> None:
        """Called by the hub: whatever happens here must not wait."""
        if self._ended:
            return  # stopped after the hub had looked
        try:
            data = self._wire.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        try:
            self._parse(data)
        except ParseFailed as error:
            self._finish(Refused(error.code, str(error)))
        if len(self._waiting) >= WAITING_LIMIT:
            self._pause()
        if self._waiting and not self._working:
            self._working = True
            self._spawn(self._work)

    def _parse(self, data: bytes) -> None:
        if not data:
            self._finish(None)
            return
        self._frames.receive_bytes(data)
        for frame in self._frames.received_frames():
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
                self._add(frame)
            else:
                self._waiting.append(frame)

    def _add(self, frame: Frame) -> None:
        self._size += len(frame.payload) or 1  # an empty frame takes room too
        if self._size > self._limit:
            raise ParseFailed(f"expected at most {self._limit} bytes in a message", CloseReason.MESSAGE_TOO_BIG)
        self._parts.append(frame.payload)
        if frame.message_finished and frame.frame_finished:
            parts, self._parts, self._size = self._parts, [], 0
            self._waiting.append(parts[0][:0].join(parts) if len(parts) > 1 else parts[0])

    def _finish(self, last: "Message") -> None:
        self._pause()
        self._ended = True
        self._waiting.append(last)

    def _work(self) -> None:
        try:
            while self._waiting:
                self._take(self._waiting.popleft())
        finally:
            self._working = False
        self.start()


class Refused:
    """What broke the protocol: the code of the closing frame, and why."""

    def __init__(self, code: int, why: str) -> None:
        self.code = code
        self.why = why


Message = str | bytes | Frame | Refused | None
Take = Callable[[Message], None]
