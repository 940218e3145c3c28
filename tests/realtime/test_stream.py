"""Streams: deadlines that dripping bytes don't move, and answers that nobody reads."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from realtime import stream
from realtime.framing import Fault
from realtime.stream import Outgoing, Stream, due

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def stream_of(wire: socket.socket, rest: bytes = b"", within: float = 5.0) -> Stream:
    made = Stream(wire, bytearray(rest))
    made.ends_at = time.monotonic() + within
    return made


def test_what_came_with_the_head_is_read_first(pair: Pair) -> None:
    pair[1].sendall(b"later")
    read = stream_of(pair[0], b"first")
    assert [read.read(3), read.read(3), read.read(3), read.read(9)] == [b"fir", b"st", b"lat", b"er"]


def test_lines_end_with_cr_lf_and_leave_what_follows(pair: Pair) -> None:
    pair[1].sendall(b"ne\r\n\r\nrest")
    read = stream_of(pair[0], b"li")
    assert (read.read_line(10), read.read_line(2), read.read(4)) == (b"line", b"", b"rest")


@pytest.mark.parametrize("data", [b"line\n", b"x" * 20, b"123456789\r\n"])
def test_a_line_with_another_end_or_none_is_refused(data: bytes, pair: Pair) -> None:
    pair[1].sendall(data)
    with pytest.raises(Fault) as refused:
        stream_of(pair[0]).read_line(10)
    assert refused.value.status == 400


def test_the_end_is_no_line_and_no_bytes(pair: Pair) -> None:
    pair[1].close()
    assert stream_of(pair[0]).read(5) == b""
    with pytest.raises(Fault):
        stream_of(pair[0]).read_line(10)


def test_bytes_that_drip_do_not_move_the_deadline(pair: Pair) -> None:
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.05):
            pair[1].sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    read = stream_of(pair[0], within=0.3)
    began = time.monotonic()
    try:
        with pytest.raises(Fault) as late:
            while True:
                read.read(10)
        assert late.value.status == 408 and time.monotonic() - began < 2
    finally:
        over.set()
        thread.join()


def test_we_are_told_when_we_wait_and_only_then(pair: Pair) -> None:
    waits: list[int] = []
    read = Stream(pair[0], bytearray(b"a"), waits=lambda: waits.append(1))
    read.ends_at = time.monotonic() + 0.2
    pair[1].sendall(b"b")
    assert read.read(1) + read.read(1) == b"ab" and not waits
    with pytest.raises(Fault):
        read.read(1)  # its deadline is over
    assert waits == [1]


def test_the_lowest_rate_counts_after_a_grace() -> None:
    assert due(100.0, 0) == 100 + stream.GRACE
    assert due(100.0, 60 * stream.RATE) == 160 + stream.GRACE


def test_an_answer_goes_out_in_one_piece(pair: Pair) -> None:
    out = Outgoing(pair[0])
    out.write(b"a")
    out.writelines([b"b", b"c"])
    out.flush()
    assert pair[1].recv(10) == b"abc"


def test_who_does_not_read_is_not_waited_for_for_ever(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "GRACE", 0.2)
    monkeypatch.setattr(stream, "RATE", 100 * 1024 * 1024)
    out = Outgoing(pair[0])
    out.write(b"x" * 16 * 1024 * 1024)
    with pytest.raises(TimeoutError):
        out.flush()
