"""One connection between its requests: what has come of the next, who it counts for, and its last word."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from http import HTTPStatus
from typing import Any

from realtime.framing import Chunks, Fault, Head, Heads

COLLECTED = 1024 * 1024  # bytes of a body that we wait for before somebody looks at it
COLLECTED_CHUNKS = 64 * 1024  # bytes, where it comes in chunks and nobody knows how many more there are


class Then(Enum):
    """What becomes of a connection once its request is answered."""

    STAYS = "another request may come"
    LEAVES = "its client hangs up, or we do"
    KEPT = "somebody else has it: a WebSocket"


class Caller:
    """One connection while no request of it is answered."""

    def __init__(self, wire: Any, peer: str, address: Any, client: str) -> None:
        self.wire = wire  # a socket of eventlet
        self.address = address
        self.peer = peer
        self.client = client  # whom its socket counts for; "" is a trusted proxy, or the supervisor
        self.whose = client  # whom its present request counts for: behind a trusted proxy, its client
        self.begun_at = 0.0  # when the body of its present request began; 0: it came with the head
        self.deadline = 0.0  # when we wait for it no longer
        self.heads = Heads()
        self.head: Head | None = None  # of a request whose body has not come in full
        self._chunks = Chunks()
        self.stop: Callable[[], None] | None = None  # None: the hub does not listen to it
        self.leaving = 0  # bytes that are still read and thrown away; 0: it is not leaving
        self.last: bytes | None = None  # the answer that it gets at its deadline
        self.cut: Fault | None = None  # why its body is awaited no longer
        self.ends = on_close(wire)  # what is called once it is closed

    @property
    def begun(self) -> bool:
        """Whether some of a request has come, and not all."""
        return self.head is not None or self.heads.begun

    def next(self) -> Head | None:
        """The next request, once all of it has come that we collect. Raises `Fault`."""
        if self.head is None:
            self.head = self.heads.next()
            self._chunks = Chunks()
        head, rest = self.head, self.heads.rest
        if head is None:
            return None
        if head.chunked:
            waits = not self._chunks.have_ended(rest) and len(rest) <= COLLECTED_CHUNKS
        else:
            waits = len(rest) < head.length <= COLLECTED
        if waits and not head.expects:
            return None
        self.head = None
        return head

    def forget(self) -> None:
        """What has come of a request."""
        self.heads, self.head = Heads(), None

    def be_deaf(self) -> None:
        """Hear no more of it, for now."""
        if self.stop is not None:
            self.stop()
            self.stop = None

    def drop(self) -> None:
        """Hear no more of it, and close it."""
        self.be_deaf()
        with suppress(OSError):  # it has gone first
            self.wire.shutdown(socket.SHUT_RDWR)
        self.wire.close()

    def hear_no_more(self, why: Fault) -> None:
        """A reader that waits for the body finds its end, and `cut`."""
        self.cut = why
        with suppress(OSError):  # it has gone first
            self.wire.shutdown(socket.SHUT_RD)

    def say(self, last: bytes) -> None:
        """Send a word and no other; what the kernel does not take at once is lost."""
        with suppress(OSError):
            self.wire.fd.send(last, socket.MSG_DONTWAIT)
            self.wire.shutdown(socket.SHUT_WR)


def words(fault: Fault) -> bytes:
    """The answer to what is no request, or comes at a bad time. Browsers that are no part of it may read it."""
    body = json.dumps({"error": {"code": fault.code, "message": str(fault)}}).encode()
    head = f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}\r\nContent-Type: application/json\r\n"
    if fault.retry_after is not None:
        head += f"Retry-After: {fault.retry_after}\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def on_close(wire: Any) -> list[Callable[[], None]]:
    """A list, all of which is called once this socket of eventlet is closed."""
    close = wire.close
    ends: list[Callable[[], None]] = []

    def closing() -> None:
        while ends:
            ends.pop()()
        close()

    wire.close = closing  # eventlet's own is such an attribute, too; its __del__ calls it
    return ends
