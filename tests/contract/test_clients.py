"""What clients that nobody here wrote rely on, on the wire: RFC 6455 (as Autobahn's cases have it) and RFC 9110."""

import socket
import struct
from collections.abc import Iterator

import pytest
import requests
import socketio

from realtime.opening import WEBSOCKET_ONLY
from tests.conftest import DEADLINE, Stack
from tests.realtime.clients import WATCH, WATCHED, Raw
from tests.realtime.test_opening import KEY, QUERY

TEXT, BINARY, CLOSE, PING, PONG, CONT = 1, 2, 8, 9, 10, 0


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0) -> bytes:
    """A frame of a client (RFC 6455 §5.2), masked, with the shortest length."""
    size, mask = len(payload), b"mask"
    long = b"" if size < 126 else struct.pack(">H", size) if size < 65_536 else struct.pack(">Q", size)
    head = bytes(((0x80 if fin else 0) | reserved << 4 | opcode, 0x80 | {0: size, 2: 126, 8: 127}[len(long)])) + long
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


ASK = b"421" + WATCH.encode()
HALF = frame(TEXT, ASK[:5], fin=False)


@pytest.fixture
def raw(stack: Stack) -> Iterator[Raw]:
    with Raw(stack.url).join() as raw:
        yield raw


@pytest.mark.parametrize("payload", [b"", b"x", b"\x00\xff\xfe", b"x" * 125], ids=len)
def test_a_ping_is_answered_with_what_it_said_also_within_a_message(payload: bytes, raw: Raw) -> None:
    raw.plain.sendall(HALF + frame(PING, payload) + frame(PONG, b"nobody asked") + frame(CONT, ASK[5:]))
    frames: list[tuple[int, str | bytes]] = []
    while len(frames) < 2:
        one = raw.frame()
        if one.opcode == PONG or b"watch" in one.data or b"431" in one.data:
            frames.append((one.opcode, one.data))
    assert frames == [(PONG, payload), (TEXT, f"431{WATCHED}".encode())]


@pytest.mark.parametrize(
    "frames",
    [
        [frame(TEXT, ASK)],
        [frame(CONT if index else TEXT, ASK[index : index + 1], fin=False) for index in range(len(ASK))]
        + [frame(CONT)],
        [frame(TEXT, b"", fin=False), frame(CONT, b"", fin=False), frame(CONT, ASK)],
    ],
    ids=["whole", "byte by byte", "empty parts"],
)
def test_a_message_is_answered_however_it_is_cut(frames: list[bytes], raw: Raw) -> None:
    for part in frames:
        raw.plain.sendall(part)
    assert raw.hear() == f"431{WATCHED}"


def test_text_may_be_cut_within_a_letter(raw: Raw) -> None:
    said = '421["watch",{"topics":["é€😀"]}]'.encode()
    for at in (said.index(b"\xc3") + 1, said.index(b"\xe2") + 2, said.index(b"\xf0") + 3):
        raw.plain.sendall(frame(TEXT, said[:at], fin=False) + frame(CONT, said[at:]))
        assert "é€😀" in raw.hear()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        *((frame(opcode, b"x"), 1002) for opcode in (3, 7, 11, 15)),
        *((frame(TEXT, ASK, reserved=bit), 1002) for bit in (1, 2, 4)),
        *((frame(opcode, b"x" * 126), 1002) for opcode in (PING, PONG, CLOSE)),
        *((frame(opcode, b"x", fin=False), 1002) for opcode in (PING, PONG, CLOSE)),
        (frame(CONT, ASK), 1002),
        (frame(CONT, ASK, fin=False), 1002),
        (HALF + frame(TEXT, ASK), 1002),
        (b"\x81\x05hello", 1002),  # not masked
        (b"\x81\xfe\x00\x05" + frame(TEXT, b"12345")[2:], 1002),  # a length that has a shorter form
        (b"\x81\xff" + struct.pack(">Q", 5) + frame(TEXT, b"12345")[2:], 1002),
        (frame(TEXT, b"42\xff"), 1007),
        (frame(TEXT, b"42\xc3"), 1007),  # half a letter at the end
        (frame(TEXT, b"42\xed\xa0\x80"), 1007),  # a surrogate
        (frame(TEXT, b"42\xf4\x90\x80\x80"), 1007),  # beyond Unicode
        (frame(TEXT, b"4\xc3", fin=False) + frame(CONT, b"\x28"), 1007),
        (frame(TEXT, b"42" + b"x" * 70_000), 1009),
        (frame(BINARY, b"x"), 1003),
    ],
    ids=lambda value: value[:8].hex() if isinstance(value, bytes) else str(value),
)
def test_what_breaks_the_rules_is_closed_with_its_code_and_a_reason(data: bytes, code: int, raw: Raw) -> None:
    raw.plain.sendall(data)
    said, why = raw.last_word()
    assert said == code and why


VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 3999, 4000, 4999)
INVALID = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        *((struct.pack(">H", code) + b"why", code) for code in VALID),
        *((struct.pack(">H", code), 1002) for code in INVALID),
        (b"", 0),
        (b"\x03", 1002),
        (struct.pack(">H", 1000) + b"x" * 123, 1000),
        (struct.pack(">H", 1000) + b"\xff", 1007),
    ],
    ids=lambda value: value[:4].hex() if isinstance(value, bytes) else str(value),
)
def test_a_closing_frame_is_answered(payload: bytes, code: int, raw: Raw) -> None:
    raw.plain.sendall(frame(CLOSE, payload) + frame(PING, b"nobody answers"))
    assert raw.last_word()[0] == code
    assert raw.plain.recv(1) == b""


# -- HTTP


def ask(stack: Stack, request: bytes) -> tuple[int, bytes]:
    """Status and answer of a request that no library would send."""
    address = ("127.0.0.1", int(stack.url.rsplit(":", 1)[1]))
    with socket.create_connection(address, DEADLINE) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
            head, end, body = answer.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if end and len(body) >= int(length[0].split(b":")[1] if length else 0):
                break
    return int(answer.split(b" ", 2)[1]), answer


OPENING = f"GET /socket.io/?{QUERY} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (f"Upgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\n", 101),
        (f"Upgrade: foo, WebSocket\r\nSec-WebSocket-Key: {KEY}\r\n", 101),
        ("Upgrade: websocket\r\nSec-WebSocket-Key: \r\n", 400),
        ("Upgrade: websocket\r\nSec-WebSocket-Key: not base64 at all!!!!!!!\r\n", 400),
        ("Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n", 400),
        ("Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n", 400),
        (f"Upgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Key: {KEY}\r\n", 400),
        (f"Upgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\nContent-Length: 2\r\n", 400),
        (f"Upgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\nOrigin: https://evil.example\r\n", 403),
        (f"Upgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\nHost: localhost\r\n", 400),
    ],
)
def test_an_opening_handshake_is_judged(headers: str, status: int, stack: Stack) -> None:
    body = "42" if "Content-Length" in headers else ""
    assert ask(stack, f"{OPENING}{headers}\r\n{body}".encode())[0] == status
    assert ask(stack, f"{OPENING}{headers}\r\n{body}".replace("HTTP/1.1", "HTTP/1.0").encode())[0] in (400, 403)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET http://LOCALHOST/healthz?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET http://other.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 204),
        ("GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
        (f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: {'x' * 9000}\r\n\r\n", 431),
        (f"GET /{'x' * 9000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_a_request_is_read_as_the_standard_has_it(request_: str, status: int, stack: Stack) -> None:
    found, answer = ask(stack, request_.encode())
    assert found == status and answer.startswith(b"HTTP/1.1 ")


def test_a_body_may_come_in_chunks_and_not_packed(stack: Stack) -> None:
    session = stack.session()
    body = b'{"task": "sum_numbers", "args": {"text": "1"}}'
    assert session.post(f"{stack.url}/api/jobs", data=iter([body[:7], body[7:]])).status_code == 202
    packed = requests.post(f"{stack.url}/api/jobs", data=body, headers={"Content-Encoding": "gzip"})
    assert (packed.status_code, packed.headers["Accept-Encoding"]) == (415, "identity")


def test_pythons_client_with_default_options_is_told_what_to_do(stack: Stack) -> None:
    told: list[dict[str, str]] = []
    client = socketio.Client(reconnection=False)
    client.on("connect_error", told.append)
    with pytest.raises(socketio.exceptions.ConnectionError) as caught:
        client.connect(stack.url)
    assert [said["message"] for said in told] == [WEBSOCKET_ONLY]
    assert WEBSOCKET_ONLY in str(caught.value.__cause__), "the end of the traceback"
