"""The way out to one client: over a socket pair, with threads for green threads."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from realtime.outlet import Outlet, pack
from tests.conftest import until


class Pair:
    """A socket and its other side."""

    def __init__(self) -> None:
        self.socket, self.other = socket.socketpair()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def read(self, count: int) -> bytes:
        return self.other.recv(count, socket.MSG_WAITALL)


class Spawned:
    """Counts the green threads."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, task: Callable[[], None]) -> Any:
        self.count += 1
        threading.Thread(target=task, daemon=True).start()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.socket.close()
    pair.other.close()


@pytest.fixture
def spawned() -> Spawned:
    return Spawned()


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_a_text_is_one_frame(length: int) -> None:
    frame = pack("x" * length)
    assert frame[0] == 0x81 and frame.endswith(b"x" * length)
    if length < 126:
        assert frame[1] == length
    elif length < 65_536:
        assert (frame[1], frame[2:4]) == (126, struct.pack(">H", length))
    else:
        assert (frame[1], frame[2:10]) == (127, struct.pack(">Q", length))


@pytest.mark.parametrize("direct", [True, False])
def test_frames_come_out_whole_and_in_order_however_slowly_they_are_read(
    direct: bool, pair: Pair, spawned: Spawned
) -> None:
    outlet = Outlet(spawned, direct=direct)
    frames = [bytes([number]) * size for number, size in enumerate([1, 100_000, 3, 70_000, 1, 1, 200_000])]
    outlet.write(frames[0])  # before there is a socket
    outlet.attach(pair.socket)
    for frame in frames[1:]:
        outlet.write(frame)
    for frame in frames:
        assert pair.read(len(frame)) == frame
    until(lambda: not outlet and not outlet.writing_since, "rest")
    outlet.write(b"more")
    assert pair.read(4) == b"more"


def test_what_the_kernel_takes_needs_no_green_thread(pair: Pair, spawned: Spawned) -> None:
    outlet = Outlet(spawned)
    outlet.attach(pair.socket)
    for _ in range(10):
        outlet.write(b"x" * 100)
    assert pair.read(1000) == b"x" * 1000
    assert spawned.count == 0 and not outlet


@pytest.mark.parametrize("direct", [True, False])
def test_the_last_frame_follows_what_is_being_written_and_nothing_else_does(
    direct: bool, pair: Pair, spawned: Spawned
) -> None:
    outlet = Outlet(spawned, direct=direct)
    outlet.attach(pair.socket)
    for letter in (b"a", b"b", b"c"):
        outlet.write(letter * 100_000)
    finished = threading.Event()
    outlet.finish(b"last", finished.set)
    assert not finished.is_set()
    assert pair.read(100_004) == b"a" * 100_000 + b"last"
    assert finished.wait(5)


def test_the_last_frame_of_a_quiet_connection_is_written_at_once(pair: Pair, spawned: Spawned) -> None:
    outlet = Outlet(spawned)
    outlet.attach(pair.socket)
    finished = threading.Event()
    outlet.finish(b"last", finished.set)
    assert finished.is_set() and spawned.count == 0
    assert pair.read(4) == b"last"


@pytest.mark.parametrize("direct", [True, False])
def test_frames_that_are_handed_over_together_stay_in_their_order(direct: bool, pair: Pair, spawned: Spawned) -> None:
    outlet = Outlet(spawned, direct=direct)
    outlet.attach(pair.socket)
    frames = [bytes([number % 256]) * size for number, size in enumerate([5, 70_000, 1, *[50] * 2000])]
    outlet.write(*frames[:2])
    outlet.write(*frames[2:])
    outlet.write(b"last")
    whole = b"".join(frames) + b"last"
    assert pair.read(len(whole)) == whole


def test_small_frames_that_are_handed_over_together_go_in_one_write(pair: Pair, spawned: Spawned) -> None:
    class Counting:
        """Counts what it is asked to write."""

        calls = 0

        def sendmsg(self, *arguments: Any) -> int:
            self.calls += 1
            return pair.socket.sendmsg(*arguments)

    outlet, counting = Outlet(spawned), Counting()
    outlet.attach(counting)
    outlet.write(b"a", b"b", b"c")
    assert pair.read(3) == b"abc" and counting.calls == 1 and spawned.count == 0


def test_what_waits_is_the_frame_itself(pair: Pair, spawned: Spawned) -> None:
    """Else each reader that has stopped would hold a copy of the frame it stopped in."""
    frame = b"x" * 300_000
    outlets = [Outlet(spawned) for _ in range(2)]
    outlets[0].attach(pair.socket)
    for outlet in outlets:
        outlet.write(frame)
    halved, whole = (outlet._waiting[0] for outlet in outlets)
    assert isinstance(halved, memoryview) and halved.obj is frame and whole is frame


@pytest.mark.parametrize("direct", [True, False])
def test_an_end_in_the_middle_leaves_nothing(direct: bool, pair: Pair, spawned: Spawned) -> None:
    outlet = Outlet(spawned, direct=direct)
    outlet.attach(pair.socket)
    for _ in range(3):
        outlet.write(b"x" * 100_000)
    pair.read(1000)
    pair.other.close()
    until(lambda: not outlet and not outlet.writing_since, "its end")
    outlet.write(b"x")  # to nobody
    until(lambda: not outlet, "nothing that waits")
    finished = threading.Event()
    outlet.finish(b"last", finished.set)
    assert finished.wait(5)
