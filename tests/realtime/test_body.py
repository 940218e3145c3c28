"""Bodies: what WSGI may read of them, how far, and for how long."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from realtime import body, stream
from realtime.body import IGNORED, Body
from realtime.framing import CHUNKS, Fault, Head
from realtime.gate import Room
from realtime.stream import Stream

Make = Callable[..., Body]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    client, ours = socket.socketpair()
    yield client, ours
    ours.close()
    client.close()


@pytest.fixture
def client(pair: tuple[socket.socket, socket.socket]) -> socket.socket:
    """Who sends the body that `make` makes."""
    return pair[0]


@pytest.fixture
def make(pair: tuple[socket.socket, socket.socket]) -> Make:
    def make(length: int | None = None, room: Room | None = None, rest: bytes = b"", expect: str = "") -> Body:
        headers = (("Expect", expect),) if expect else ()
        head = Head("POST", "/", "HTTP/1.1", headers, length or 0, length is None, True)
        return Body(Stream(pair[1], bytearray(rest)), head, room or Room(), "a")

    return make


def test_a_body_ends_at_its_length(make: Make, client: socket.socket) -> None:
    client.sendall(b"cdefgh")
    made = make(6, rest=b"ab")
    assert [made.read(3), made.read(), made.read(), made.read(5)] == [b"abc", b"def", b"", b""]
    assert made.ended and made.unread == 0


def test_chunks_are_joined_and_what_follows_is_left(make: Make, client: socket.socket) -> None:
    client.sendall(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nChecksum: 1\r\n\r\nGET")
    made = make()
    assert made.chunked_input and made.unread == -1
    assert [made.read(4), made.read(), made.read()] == [b"abcd", b"e", b""]
    assert made.ended and not made.chunked_input
    assert made._stream.read(3) == b"GET"


def test_it_can_be_read_by_lines(make: Make, client: socket.socket) -> None:
    client.sendall(b"a\nbc\nd")
    made = make(6)
    assert [made.readline(1), made.readline(), *made] == [b"a", b"\n", b"bc\n", b"d"]


def test_nothing_is_read_of_no_body(make: Make) -> None:
    assert make(0).read() == b""


@pytest.mark.parametrize("length", [50, None])
def test_half_a_body_is_none(length: int | None, make: Make, client: socket.socket) -> None:
    client.sendall(b"4\r\nab")
    client.shutdown(socket.SHUT_WR)
    made = make(length)
    with pytest.raises(Fault) as refused:
        made.read()
    assert refused.value.status == 400 and made.failed
    with pytest.raises(OSError):
        made.discard()


def test_a_body_that_takes_too_long_is_late(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "TIME", 0.1)
    with pytest.raises(Fault) as late:
        make(5, rest=b"ab").read()
    assert late.value.status == 408


@pytest.mark.parametrize("length", [11, None])
def test_a_body_in_memory_has_a_limit(length: int | None, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "LIMIT", 10)
    made = make(length, rest=b"b\r\n01234567890\r\n0\r\n\r\n")
    with pytest.raises(Fault) as refused:
        made.read()
    assert refused.value.status == 413


def test_its_room_is_taken_as_it_comes_and_given_back(make: Make) -> None:
    room = Room(10, 10)
    made = make(8, room, rest=b"01234567")
    made.read(4)
    assert room.taken == 4
    with pytest.raises(Fault) as refused:
        make(8, room, rest=b"01234567").read()
    assert refused.value.status == 503
    made.read()
    made.close()
    assert room.taken == 0


def test_a_client_that_waits_for_our_word_gets_it_when_the_body_is_read(make: Make, client: socket.socket) -> None:
    made = make(2, expect="100-Continue")
    assert made.should_send_hundred_continue and made.is_much
    client.sendall(b"ab")
    assert made.read() == b"ab" and not made.should_send_hundred_continue
    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_client_that_waits_is_not_asked_for_what_is_too_large(make: Make, client: socket.socket) -> None:
    with pytest.raises(Fault):
        make(body.LIMIT + 1, expect="100-continue").read()
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.recv(1)


def test_a_little_is_thrown_away_to_keep_the_connection(make: Make, client: socket.socket) -> None:
    made = make(5, rest=b"01234GET")
    made.discard()
    assert made.ended and made._stream.read(3) == b"GET"
    assert not make(IGNORED).is_much
    much = make(IGNORED + 1)
    assert much.is_much
    with pytest.raises(OSError):
        much.discard()


@pytest.mark.parametrize(
    "chunks", [b"1\r\nx\r\n" * (CHUNKS + 50), b"0\r\n" + b"x: y\r\n" * 100, b"0\r\n" + b"x: " + b"y" * 5000]
)
def test_what_is_mostly_framing_is_refused(chunks: bytes, make: Make) -> None:
    with pytest.raises(Fault) as refused:
        make(rest=chunks).read()
    assert refused.value.status == 400


def test_others_have_their_turn_between_many_chunks(client: socket.socket) -> None:
    turns: list[int] = []
    chunk = b"50\r\n" + b"x" * 80 + b"\r\n"
    head = Head("POST", "/", "HTTP/1.1", (), 0, True, True)
    stream_ = Stream(client, bytearray(chunk * 2000 + b"0\r\n\r\n"))
    made = Body(stream_, head, Room(), "a", give_way=lambda: turns.append(1))
    assert len(made.read()) == 160_000 and len(turns) == 2001 // body.TURN


# -- a route that streams


def test_a_body_that_is_streamed_has_a_rate_and_no_deadline_limit_or_room(
    make: Make, client: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "TIME", 0.0)
    monkeypatch.setattr(body, "LIMIT", 10)
    room = Room(10, 10)
    made = make(20, room, rest=b"x" * 20)
    made.let_stream()
    assert made.read() == b"x" * 20 and room.taken == 0


@pytest.mark.parametrize("fast", [True, False])
def test_a_streamed_body_must_keep_its_lowest_rate(
    fast: bool, make: Make, client: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 bytes a second after 0.2 s: 100 bytes each 20 ms are enough, one is not."""
    monkeypatch.setattr(stream, "GRACE", 0.2)
    monkeypatch.setattr(stream, "RATE", 1000)
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.02):
            client.sendall(b"x" * (100 if fast else 1))

    thread = threading.Thread(target=send)
    thread.start()
    made = make(100_000)
    made.let_stream()
    began = time.monotonic()
    try:
        if fast:
            assert len(made.read(4000)) == 4000
        else:
            with pytest.raises(Fault) as late:
                made.read(4000)
            assert late.value.status == 408
            assert time.monotonic() - began < 5
    finally:
        over.set()
        thread.join()
