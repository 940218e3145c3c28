"""realtime/ending.py: how a WebSocket ends, over a real pair of sockets; the loop and its clock are the test's."""

import socket
from collections.abc import Callable, Iterator

import pytest

from realtime.ending import LINGER, LINGER_BYTES, SLOW, Ending, closing
from realtime.outlet import Outlet


class Loop:
    """Listens and waits as the hub does, when a test says so."""

    def __init__(self) -> None:
        self.listening: dict[int, Callable[[int], None]] = {}
        self.timers: dict[Callable[[], None], float] = {}
        self.spawned: list[Callable[[], None]] = []

    def listen(self, file: int, callback: Callable[[int], None]) -> Callable[[], None]:
        self.listening[file] = callback

        def stop() -> None:
            del self.listening[file]

        return stop

    def later(self, seconds: float, task: Callable[[], None]) -> Callable[[], None]:
        self.timers[task] = seconds

        def cancel() -> None:
            self.timers.pop(task, None)

        return cancel

    def turn(self) -> None:
        for file, callback in list(self.listening.items()):
            callback(file)


class Wire:
    """One connection: our side of it, whose end is taken leave of, and the client's."""

    def __init__(self) -> None:
        self.ours, self.client = socket.socketpair()
        self.client.settimeout(5)
        self.loop = Loop()
        self.outlet = Outlet(self.loop.spawned.append)
        self.outlet.attach(self.ours)
        self.ending = Ending(self.ours, self.outlet, listen=self.loop.listen, later=self.loop.later)


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.ours.close()
    wire.client.close()


def test_a_closing_frame_has_its_code_and_as_much_of_its_reason_as_it_may() -> None:
    assert closing(1002, "why") == b"\x88\x05\x03\xeawhy"
    assert closing(1005) == b"\x88\x00"
    long = closing(1008, "é" * 100)
    assert long[1] == 124 and long[4:].decode() == "é" * 61  # 125 bytes with the code, and no half a character


def test_the_client_reads_the_last_word_and_hangs_up(wire: Wire) -> None:
    wire.client.sendall(b"what nobody has read")
    wire.ending.say(closing(1008, "why"))
    assert wire.client.recv(100) == closing(1008, "why") and wire.client.recv(100) == b""
    wire.loop.turn()
    assert not wire.ending.is_over
    wire.client.close()
    wire.loop.turn()
    assert wire.ending.is_over and wire.loop.listening == {} and wire.loop.timers == {}


def test_a_client_that_goes_on_is_not_read_without_end(wire: Wire) -> None:
    wire.ending.say(closing(1008))
    wire.client.setblocking(False)
    for _ in range(LINGER_BYTES // 1024):
        wire.client.send(b"x" * 1024)
        wire.loop.turn()
    assert wire.ending.is_over


def test_a_client_that_stays_is_left_in_time(wire: Wire) -> None:
    wire.ending.say(closing(1008))
    [(hang_up, seconds)] = wire.loop.timers.items()
    assert seconds == LINGER
    hang_up()
    assert wire.ending.is_over and wire.client.recv(100) != b"" and wire.client.recv(100) == b""


def test_who_has_said_goodbye_is_not_waited_for(wire: Wire) -> None:
    wire.ending.answer(closing(1000))
    assert wire.ending.is_over and wire.client.recv(100) == closing(1000) and wire.loop.timers == {}


def test_a_client_that_does_not_read_is_cut_off_in_time(wire: Wire) -> None:
    wire.outlet.write(b"x" * 5_000_000)  # more than the kernel takes
    wire.ending.say(closing(1012))
    [(cut_off, seconds)] = wire.loop.timers.items()
    assert seconds == SLOW and not wire.ending.is_over
    cut_off()
    [write] = wire.loop.spawned
    write()  # the writer finds the end
    assert wire.ending.is_over
