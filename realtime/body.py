"""The body of one HTTP request, as its `wsgi.input`: bounded in bytes, in time, and together with all others."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from realtime.framing import (
    CHUNK,
    CHUNK_LINE_LIMIT,
    CHUNKS,
    TRAILER_COUNT_LIMIT,
    TRAILER_LIMIT,
    Fault,
    Head,
    bad,
    chunk_size,
    trailer,
)
from realtime.gate import Room
from realtime.stream import Stream, due

STREAMS = "headway.streams"  # in the environ: call it to read a body that may take longer and be larger
LIMIT = 8 * 1024 * 1024  # bytes of a body that is kept in memory
TIME = 30.0  # seconds in which it must have come
IGNORED = 64 * 1024  # bytes of a body that we read although nobody has asked for them, to keep the connection
TURN = 256  # chunks after which others have their turn
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """Reads what the head announced. Raises `Fault` from every read where the client breaks its word or a bound."""

    def __init__(
        self,
        stream: Stream,
        head: Head,
        room: Room,
        client: str,
        *,
        begun: float | None = None,
        give_way: Callable[[], object] = lambda: None,
        came: Callable[[], object] = lambda: None,
    ) -> None:
        self.content_length = head.length
        self.position = 0  # bytes that were read
        self.ended = not head.chunked and head.length == 0
        self.failed = False  # if so, no other request can be found behind it
        self.headers_sent: list[int] = []  # of the answer; set by the server
        self._stream = stream
        self._chunked = head.chunked
        self._chunks = 0
        self._left = 0  # bytes of the present chunk
        self._room = room
        self._client = client
        self._give_way = give_way
        self._came = came  # called once nobody waits for it any more
        self._begun = time.monotonic() if begun is None else begun
        self._started = self._streams = False
        self._expects = head.expects

    def let_stream(self) -> None:
        """From now on it has a lowest rate in place of its deadline, and no limit: nobody keeps it in memory."""
        self._streams = True
        self._came()
        self._room.give_back(self)

    def let_go(self) -> bytes:
        """What has come behind it: of a WebSocket's opening request its first frames."""
        return self._stream.let_go()

    def read(self, size: int | None = None) -> bytes:
        """`size` bytes, less at the end; all that is left without a size."""
        left = -1 if size is None or size < 0 else size
        parts = []
        while left and (part := self._next(left)):
            parts.append(part)
            left -= len(part) if left > 0 else 0
        return b"".join(parts)

    def readline(self, size: int | None = None) -> bytes:
        """A line, or `size` bytes of it. Nothing of ours reads a body by lines; WSGI demands it (PEP 3333)."""
        line = bytearray()
        while not line.endswith(b"\n") and len(line) != size and (byte := self.read(1)):
            line += byte
        return bytes(line)

    def readlines(self, hint: int | None = None) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def discard(self) -> None:
        """Read what nobody has asked for, to find the next request behind it. Raises `OSError` where that is much."""
        most = self.position + IGNORED
        try:
            while not self.failed and not self.is_much and self.position < most and self._next(IGNORED):
                self._room.give_back(self)
        except Fault as fault:
            raise OSError(str(fault)) from fault
        if not self.ended:
            raise OSError("too much of the body is left")

    @property
    def is_much(self) -> bool:
        """Whether what is left is more than we read for nobody."""
        return not self.ended and (self._chunked or self._expects or self.unread > IGNORED)

    @property
    def unread(self) -> int:
        """The bytes that the client announced and we have not read; -1 where nobody knows."""
        if self.ended or not self._chunked:
            return 0 if self.ended else self.content_length - self.position
        return -1

    def close(self) -> None:
        """The request is answered: its bytes are no longer kept."""
        self._room.give_back(self)

    # -- what eventlet's server asks of it

    @property
    def chunked_input(self) -> bool:
        return self._chunked and not self.ended

    @property
    def should_send_hundred_continue(self) -> bool:
        """Whether the client still waits for our word to send it."""
        return self._expects

    def get_socket(self) -> Any:
        return self._stream.wire

    # -- reading

    def _next(self, most: int) -> bytes:
        if self.ended:
            return b""
        try:
            data = self._take(most)
        except Fault:
            self.failed = True
            self._room.give_back(self)
            raise
        if self.ended:
            self._came()
        return data

    def _take(self, most: int) -> bytes:
        if not self._started:
            self._start()
        self._stream.ends_at = due(self._begun, self.position) if self._streams else self._begun + TIME
        if self._chunked and not self._left:
            self._begin_chunk()
            if self.ended:
                return b""
        left = self._left if self._chunked else self.content_length - self.position
        data = self._stream.read(left if most < 0 else min(most, left))
        if not data:
            raise bad("The body ends early")
        self._count(len(data))
        if self._chunked:
            self._left -= len(data)
            if not self._left and self._stream.read_line(2):
                raise bad("A chunk is longer than its size says")
        elif self.position == self.content_length:
            self.ended = True
        return data

    def _start(self) -> None:
        self._started = True
        if not self._streams:
            self._check_limit(self.content_length)
            self._room.check(self._client, self.content_length)
        if self._expects and not self.headers_sent:
            self._stream.wire.sendall(CONTINUE)
        self._expects = False

    def _check_limit(self, size: int) -> None:
        if size > LIMIT:
            raise Fault(413, "too_large", f"The body is larger than {LIMIT} bytes")

    def _begin_chunk(self) -> None:
        self._left = chunk_size(self._stream.read_line(CHUNK_LINE_LIMIT))
        self._chunks += 1
        if self._chunks > CHUNKS + self.position // CHUNK:
            raise bad(f"The chunks are too small: expected {CHUNK} bytes on average")
        if self._chunks % TURN == 0:
            self._give_way()
        if self._left:
            return
        size = count = 0
        while line := self._stream.read_line(TRAILER_LIMIT - size):
            trailer(line)
            size, count = size + len(line) + 2, count + 1
            if count > TRAILER_COUNT_LIMIT:
                raise bad(f"expected at most {TRAILER_COUNT_LIMIT} trailers")
        self.ended = True

    def _count(self, size: int) -> None:
        self.position += size
        if self._streams:
            return
        self._check_limit(self.position)
        self._room.take(self, self._client, size)
