"""Engine.IO v4 on the wire, after the test suite of its specification.

That echoes what it is sent; ours answers `watch` instead. It also asks for long-polling and for binary messages, which
we refuse on purpose.
"""

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import requests
import websocket
from websocket import ABNF

from tests.conftest import Processes, Stack, free_port, is_ready, until
from tests.realtime.clients import WATCH, WATCHED, Raw, connections

WEBSOCKET = "EIO=4&transport=websocket"


# -- handshake


def test_a_websocket_is_greeted_with_an_open_packet(url: str) -> None:
    with Raw(url) as one, Raw(url) as other:
        sid = one.handshake.pop("sid")
        assert isinstance(sid, str) and sid and sid != other.handshake["sid"]
        assert one.handshake == {"upgrades": [], "pingInterval": 20_000, "pingTimeout": 10_000, "maxPayload": 65_536}


@pytest.mark.parametrize(
    "query",
    [
        *(
            "transport=websocket",
            "EIO=abc&transport=websocket",
            "EIO=3&transport=websocket",
            "EIO=5&transport=websocket",
        ),
        *("EIO=4", "EIO=4&transport=abc", "EIO=4&transport=polling", f"{WEBSOCKET}&sid=nobody"),
    ],
)
def test_a_handshake_with_a_wrong_query_is_refused(query: str, url: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Raw(url, query)
    assert refused.value.status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_polling_is_refused_by_name(method: str, url: str) -> None:
    answer = requests.request(method, f"{url}/socket.io/?EIO=4&transport=polling")
    assert answer.status_code == 400 and 'transports: ["websocket"]' in answer.json()["message"]


@pytest.mark.parametrize(("method", "status"), [("GET", 400), ("POST", 405), ("PUT", 405), ("DELETE", 405)])
def test_a_request_that_is_no_websocket_is_refused(method: str, status: int, url: str) -> None:
    assert requests.request(method, f"{url}/socket.io/?{WEBSOCKET}").status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "websocket"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "a", "Sec-WebSocket-Version": "8"},
        {"Upgrade": "h2c", "Connection": "Upgrade"},
    ],
    ids=lambda headers: "+".join(headers),
)
def test_an_upgrade_that_is_no_websockets_is_a_bad_request(headers: dict[str, str], url: str) -> None:
    answer = requests.get(f"{url}/socket.io/?{WEBSOCKET}", headers={"Origin": url, **headers})
    assert answer.status_code == 400 and "websocket" in answer.text.lower()


def test_a_session_has_one_websocket_and_no_polling(url: str) -> None:
    with Raw(url).join() as raw:
        query = f"{WEBSOCKET}&sid={raw.handshake['sid']}"
        with pytest.raises(websocket.WebSocketBadStatusException):
            Raw(url, query)
        for method, status in (("GET", 400), ("POST", 405)):
            assert requests.request(method, f"{url}/socket.io/?{query}", data="42" + WATCH).status_code == status
        assert raw.ask("421" + WATCH) == "431" + WATCHED


# -- heartbeat, close, messages


def test_who_answers_pings_stays_and_who_does_not_is_closed(
    base_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    processes = Processes({**base_environment, "REDIS_URL": redis_url, "PORT": str(port)}, tmp_path)
    try:
        processes.start("-m", "tests.realtime.short_ping")
        until(lambda: is_ready(url), "the web server")
        with Raw(url).join() as silent, Raw(url).join() as lively:
            assert (silent.handshake["pingInterval"], silent.handshake["pingTimeout"]) == (1000, 1000)
            assert silent.hear() == "2"
            for _ in range(3):
                assert lively.hear() == "2"
                lively.socket.send("3")
            assert silent.last_word() == (1001, "no pong has come in time")  # and no packet that says CLOSE
            assert lively.ask("421" + WATCH) == "431" + WATCHED
    finally:
        processes.stop()


@pytest.mark.parametrize("packet", ["0", "2", "2probe", "3", "3probe", "6", "3" + "[" * 60_000])
def test_a_packet_that_is_not_due_changes_nothing(packet: str, url: str) -> None:
    with Raw(url).join() as raw:
        raw.socket.send(packet)
        assert raw.ask("421" + WATCH) == "431" + WATCHED


@pytest.mark.parametrize("packet", ["1", "1later"])
def test_a_close_packet_closes(packet: str, stack: Stack, url: str) -> None:
    with Raw(url).join() as raw:
        before = connections(stack)
        assert raw.ask(packet) == ""
        until(lambda: connections(stack) < before, "the server to forget it")


def test_a_close_frame_is_answered_with_one(stack: Stack, url: str) -> None:
    with Raw(url).join() as raw:
        before = connections(stack)
        raw.socket.send_close(1001)
        while (frame := raw.frame()).opcode != ABNF.OPCODE_CLOSE:
            pass
        assert frame.data == b"\x03\xe9"
        until(lambda: connections(stack) < before, "the server to forget it")


def test_a_connection_that_breaks_is_forgotten(stack: Stack, url: str) -> None:
    with Raw(url).join() as raw:
        before = connections(stack)
        raw.plain.shutdown(socket.SHUT_RDWR)
        until(lambda: connections(stack) < before, "the server to forget it")


@pytest.mark.parametrize(
    "packet",
    ["", "abc", "7", "b", "bAQIDBA==", "4", "4[", "4" + "[" * 60_000, '4"0"', "4true", "4{}", " 42", "²", "٤0", "\x00"],
    ids=lambda packet: repr(packet[:9]),
)
def test_a_connection_that_speaks_no_engine_io_is_closed(packet: str, url: str) -> None:
    with Raw(url).join() as raw:
        raw.socket.send(packet)
        code, why = raw.last_word()
        assert code == 1002 and why.startswith("expected a packet of ")


def test_a_message_may_come_in_several_frames(url: str) -> None:
    with Raw(url).join() as raw:
        raw.socket.send_frame(ABNF.create_frame("421", ABNF.OPCODE_TEXT, fin=0))
        raw.socket.ping("between")
        raw.socket.send_frame(ABNF.create_frame(WATCH, ABNF.OPCODE_CONT))
        assert raw.hear() == "431" + WATCHED


@pytest.mark.parametrize(("part", "count"), [("x" * 60_000, 2), ("", 70_000)], ids=["long frames", "empty frames"])
def test_a_message_of_frames_without_end_is_ended(part: str, count: int, url: str) -> None:
    with Raw(url).join() as raw:
        try:
            raw.socket.send_frame(ABNF.create_frame("42", ABNF.OPCODE_TEXT, fin=0))
            frame = ABNF.create_frame(part, ABNF.OPCODE_CONT, fin=0).format()
            for _ in range(count):
                raw.plain.sendall(frame)
        except OSError:
            pass  # it has been ended, as it should
        assert raw.last_word() == (1009, "expected at most 65536 bytes in a message")


@pytest.mark.parametrize("opcode", [ABNF.OPCODE_PING, ABNF.OPCODE_PONG], ids=["pings", "pongs"])
def test_a_flood_of_control_frames_holds_up_nobody(opcode: int, url: str) -> None:
    with Raw(url).join() as raw:
        answers = threading.Thread(target=read_to_the_end, args=(raw.plain,))
        answers.start()
        with suppress(OSError):  # it has been ended: they count as what a client sends
            raw.plain.sendall(ABNF.create_frame("", opcode).format() * 300_000)
        began = time.monotonic()
        assert requests.get(f"{url}/healthz").status_code == 200
        assert time.monotonic() - began < 1
        answers.join(5)
        assert not answers.is_alive()


def read_to_the_end(plain: socket.socket) -> None:
    try:
        while plain.recv(65_536):
            pass
    except OSError:
        pass  # an end too
