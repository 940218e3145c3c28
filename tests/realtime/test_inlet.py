"""The way in from one client: over a socket pair, with threads for green threads and a hub that a test turns."""

import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from websocket import ABNF
from wsproto.frame_protocol import Frame, Opcode

from realtime.inlet import READ_SIZE, WAITING_LIMIT, Inlet, Message, Refused
from tests.conftest import until

LIMIT = 1000  # bytes of a message


class Client:
    """The other side of an inlet, and what has been taken from it."""

    def __init__(self) -> None:
        self.wire, self.other = socket.socketpair()
        self.taken: list[Message] = []
        self.go = threading.Event()
        self.go.set()
        self.look: Callable[[int], None] | None = None
        self.inlet = Inlet(self.wire, LIMIT, listen=self.listen, spawn=self.spawn, take=self.take)
        self.inlet.start()

    def listen(self, file: int, callback: Callable[[int], None]) -> Callable[[], None]:
        assert file == self.wire.fileno() and self.look is None, "one listener at a time"
        self.look = callback

        def stop() -> None:
            self.look = None

        return stop

    def spawn(self, task: Callable[[], None]) -> None:
        threading.Thread(target=task, daemon=True).start()

    def take(self, message: Message) -> None:
        assert self.go.wait(5)
        self.taken.append(message)

    def turn(self) -> None:
        """One turn of the hub."""
        if self.look is not None:
            self.look(self.wire.fileno())

    def say(self, opcode: int, payload: bytes | str, fin: int = 1) -> None:
        data = ABNF.create_frame(payload, opcode, fin).format()
        for start in range(0, len(data), READ_SIZE):
            self.other.sendall(data[start : start + READ_SIZE])
            self.turn()

    def hears(self, *expected: Message) -> None:
        until(lambda: len(self.taken) >= len(expected), "all to be taken")
        assert self.taken == list(expected)


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.go.set()
    client.wire.close()
    client.other.close()


def test_messages_are_taken_whole_and_in_order(client: Client) -> None:
    texts = ["2", "é" * 400, "", "x" * LIMIT]
    for text in texts:
        client.say(ABNF.OPCODE_TEXT, text)
    client.say(ABNF.OPCODE_BINARY, b"bytes")
    client.hears(*texts, b"bytes")


def test_a_message_may_come_byte_by_byte(client: Client) -> None:
    for byte in ABNF.create_frame("é42", ABNF.OPCODE_TEXT).format():
        client.turn()  # nothing has come
        client.other.sendall(bytes([byte]))
        client.turn()
    client.hears("é42")


def test_a_message_may_come_in_parts_with_a_ping_between_them(client: Client) -> None:
    client.say(ABNF.OPCODE_TEXT, "one ", fin=0)
    client.say(ABNF.OPCODE_PING, b"?")
    client.say(ABNF.OPCODE_CONT, "", fin=0)
    client.say(ABNF.OPCODE_CONT, "message")
    client.hears(Frame(Opcode.PING, b"?", True, True), "one message")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(ABNF.OPCODE_TEXT, "x" * (LIMIT + 1), 1)], 1009),
        ([(ABNF.OPCODE_TEXT, "x" * LIMIT, 0), (ABNF.OPCODE_CONT, "x", 1)], 1009),
        ([(ABNF.OPCODE_TEXT, "", 0), *[(ABNF.OPCODE_CONT, "", 0)] * LIMIT], 1009),
        ([(ABNF.OPCODE_CONT, "x", 1)], 1002),
        ([(ABNF.OPCODE_TEXT, "x", 0), (ABNF.OPCODE_TEXT, "x", 1)], 1002),
        ([(ABNF.OPCODE_TEXT, b"\xff", 1)], 1007),
        ([(ABNF.OPCODE_CLOSE, b"\x00", 1)], 1002),
    ],
)
def test_what_breaks_the_protocol_is_the_last_that_is_heard(
    frames: list[tuple[int, bytes | str, int]], code: int, client: Client
) -> None:
    client.say(ABNF.OPCODE_TEXT, "before")
    for opcode, payload, fin in frames:
        client.say(opcode, payload, fin)
    client.say(ABNF.OPCODE_TEXT, "after")
    until(lambda: len(client.taken) == 2, "the end")
    first, last = client.taken
    assert first == "before" and isinstance(last, Refused) and last.code == code and last.why
    assert client.look is None


def test_an_unmasked_frame_breaks_the_protocol(client: Client) -> None:
    client.other.sendall(b"\x81\x02hi")
    client.turn()
    until(lambda: client.taken, "the end")
    assert isinstance(client.taken[0], Refused) and client.taken[0].code == 1002


def test_the_end_is_told_after_all_that_was_said(client: Client) -> None:
    client.say(ABNF.OPCODE_TEXT, "last words")
    client.other.close()
    client.turn()
    client.hears("last words", None)
    assert client.look is None


def test_who_says_more_than_is_taken_is_not_listened_to(client: Client) -> None:
    client.go.clear()
    said = [str(number) for number in range(WAITING_LIMIT * 3)]
    for text in said:
        client.say(ABNF.OPCODE_TEXT, text)
    assert client.look is None
    client.go.set()

    def all_taken() -> bool:
        client.turn()
        return len(client.taken) == len(said)

    until(all_taken, "the rest")
    assert client.taken == said


def test_stopped_in_the_middle_nothing_more_is_taken(client: Client) -> None:
    client.go.clear()
    for text in ("one", "two", "three"):
        client.say(ABNF.OPCODE_TEXT, text)
    look = client.look
    client.inlet.stop()
    assert client.look is None
    client.go.set()
    client.hears("one")
    assert look is not None
    look(client.wire.fileno())  # the hub had looked before
    client.inlet.start()
    assert client.look is None and os.fstat(client.wire.fileno()) is not None
