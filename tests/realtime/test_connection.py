"""One client's connection, without its socket."""

import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from engineio.packet import MESSAGE, Packet
from wsproto.frame_protocol import CloseReason

from realtime.connection import SEND_BURST, SEND_RATE, WAIT, Connection, ending_the_sender
from realtime.ending import SLOW
from realtime.meter import BURST, RATE, Payer
from realtime.owed import Owed
from tests.conftest import until


class Engine:
    """As much of Engine.IO's server as a connection looks at."""

    def __init__(self) -> None:
        self.sockets: dict[str, Any] = {}
        self.sleep: Callable[[float], None] = time.sleep

    ping_interval = ping_timeout = 1.0
    logger = logging.getLogger("engine")

    def create_queue(self, *args: Any, **kwargs: Any) -> Any:
        return queue.Queue()

    def start_background_task(self, task: Callable[[], None]) -> None:
        threading.Thread(target=task, daemon=True).start()


def in_thread(task: Callable[[], None]) -> None:
    threading.Thread(target=task, daemon=True).start()


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "spawn", staticmethod(in_thread), raising=False)


class Reader:
    """A socket whose other side reads when it is told to."""

    def __init__(self) -> None:
        self.socket, self._other = socket.socketpair()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def read(self, count: int) -> bytes:
        return self._other.recv(count, socket.MSG_WAITALL)


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.socket.close()
    reader._other.close()


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("connection", "outlet"):  # of these modules alone: other tests' threads live by the true one
        monkeypatch.setattr(f"realtime.{module}.time", SimpleNamespace(monotonic=lambda: clock.now, time=time.time))
    return clock


def test_a_client_may_send_a_burst_and_then_at_its_rate(clock: Clock) -> None:
    connection = Connection(Engine(), "sid")
    assert all(connection.may_send() for _ in range(int(SEND_BURST)))
    assert not connection.may_send()
    clock(10.0)
    allowed = sum(connection.may_send() for _ in range(1000))
    assert 0 <= SEND_RATE * 10 - allowed <= 2 or allowed == SEND_BURST


def test_who_has_long_answers_to_read_is_not_read_from(reader: Reader) -> None:
    """Else a reader that has stopped could ask for one list after the other, and each would wait for it."""
    connection = Connection(Engine(), "sid")
    connection.outlet.attach(reader.socket)
    connection.send(Packet(MESSAGE, "x" * 60_000))
    assert not connection.owes_much
    connection.send(Packet(MESSAGE, "x" * 60_000))
    assert connection.owes_much
    reader.read(120_000)
    until(lambda: not connection.owes_much, "room for more")


def test_what_the_parser_can_not_take_ends_its_sender() -> None:
    ended: list[str] = []

    class Ending(Connection):
        def refuse(self, code: CloseReason, why: str) -> None:
            ended.append(f"{code:d} {why}")

    engine = Engine()
    engine.sockets["sid"] = Ending(engine, "sid")

    def parse(eio_sid: str, data: str) -> int:
        return int(data)

    guarded = ending_the_sender(engine, parse, lambda eio_sid: True)
    assert guarded("sid", "5") == 5
    assert guarded("sid", "x") is None and guarded("gone", "x") is None
    assert ended == ["1002 expected a packet of Socket.IO 5 (ValueError)"]
    guarded = ending_the_sender(engine, parse, lambda eio_sid: False)
    assert guarded("sid", "0") == 0 and len(ended) == 1
    assert guarded("sid", "5") is None and ended[1:] == ["1002 expected CONNECT before any other packet"]


def has_at_most(connection: Connection, frames: int) -> bool:
    return len(connection.outlet) <= frames


def test_who_reads_large_frames_slowly_but_steadily_is_never_slow(clock: Clock, reader: Reader) -> None:
    """Each frame has its own time, however long all of them take; one that is not done in time is the reader's last."""
    connection = Connection(Engine(), "sid")
    connection.outlet.attach(reader.socket)
    frame = b"x" * 300_000
    for _ in range(20):
        connection.send_shared(frame)
    for left in range(19, 0, -1):
        clock(SLOW * 0.9)
        assert not connection.is_slow
        reader.read(len(frame))
        until(partial(has_at_most, connection, left), "the next frame")
        until(lambda: connection.outlet.writing_since == clock.now, "its time")
    clock(SLOW * 1.1)
    assert connection.is_slow


def test_a_connection_whose_payer_is_in_debt_waits_and_others_go_on(clock: Clock) -> None:
    """As with everything that a client sends too fast: it is read from later, and told of no error."""
    engine = Engine()
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        clock(seconds)

    engine.sleep = sleep
    poor, rich = Payer(lambda: clock.now), Payer(lambda: clock.now)
    poor.charge(BURST + 2.5 * RATE)
    connections = [Connection(engine, sid) for sid in ("poor", "rich")]
    for connection, payer in zip(connections, (poor, rich), strict=True):
        connection.payer = payer
    assert connections[1]._may_go_on(100) and not waited
    assert connections[0]._may_go_on(100) and waited == [WAIT, WAIT, 0.5]
    waited.clear()
    connections[0].closed = True
    assert not connections[0]._may_go_on(100) and not waited


def test_answers_that_wait_for_all_together_are_bounded(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is read does not count, however much it is."""
    monkeypatch.setattr(Connection, "everybody", Owed(1_000_000))
    ended: list[str] = []

    class Ending(Connection):
        def end(self, why: str) -> None:
            ended.append(self.sid)

    reading, stopped = Ending(Engine(), "reading"), Ending(Engine(), "stopped")
    reading.outlet.attach(reader.socket)
    for _ in range(10):
        reading.send(Packet(MESSAGE, "x" * 300_000))
        reader.read(300_011)  # with the head of the frame, and the packet's type
        until(lambda: reading.owed == 0, "what was read")
    stopped.send(Packet(MESSAGE, "x" * 600_000))
    assert not ended
    reading.send(Packet(MESSAGE, "x" * 500_000))
    assert ended == ["stopped"]
