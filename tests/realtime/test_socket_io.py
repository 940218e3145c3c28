"""Socket.IO v5 on the wire, after the test suite of its specification, and the packets that it says close a connection.

It has echoing events and a second namespace; ours has `watch`. Binary messages are refused on purpose.
"""

import json

import pytest

from tests.conftest import Stack, until
from tests.realtime.clients import WATCH, WATCHED, Raw, connections

# -- namespaces


@pytest.mark.parametrize("packet", ["40", '40{"token":null}', '40{"user":"123"}', "40/,", "40{}"])
def test_the_main_namespace_lets_everybody_in(packet: str, url: str) -> None:
    with Raw(url) as raw:
        answer = raw.ask(packet)
        sid = json.loads(answer.removeprefix("40"))
        assert list(sid) == ["sid"] and sid["sid"] != raw.handshake["sid"]


@pytest.mark.parametrize("packet", ["40/random", "40/random,", '40/random,{"token":"123"}'])
def test_an_unknown_namespace_is_refused_and_the_connection_stays(packet: str, url: str) -> None:
    with Raw(url) as raw:
        assert raw.ask(packet) == '44/random,{"message":"Invalid namespace"}'
        assert raw.join().ask("421" + WATCH) == "431" + WATCHED


def test_a_second_connect_is_refused_and_the_first_stays(stack: Stack, url: str) -> None:
    with Raw(url).join() as raw:
        before = connections(stack)
        assert raw.ask("40") == '44{"message":"Unable to connect"}'
        assert raw.ask("421" + WATCH) == "431" + WATCHED
        assert connections(stack) == before


@pytest.mark.parametrize("packet", ["42" + WATCH, "421" + WATCH, "41", "43[]", "42/random," + WATCH, "4abc", "40["])
def test_who_does_not_say_connect_first_is_closed(packet: str, url: str) -> None:
    with Raw(url) as raw:
        raw.socket.send(packet)
        assert raw.last_word()[0] == 1002


def test_who_leaves_a_namespace_keeps_the_connection_and_may_come_back(stack: Stack, url: str) -> None:
    with Raw(url).join() as raw:
        before = connections(stack)
        raw.socket.send("41")
        until(lambda: connections(stack) < before, "the server to forget it")
        assert raw.join().ask("421" + WATCH) == "431" + WATCHED


def test_who_has_left_a_namespace_says_nothing_to_it(url: str) -> None:
    with Raw(url).join() as raw:
        raw.socket.send("41")
        raw.socket.send("421" + WATCH)
        assert raw.last_word() == (1002, "expected CONNECT before any other packet")


# -- events and acks


@pytest.mark.parametrize("id", ["0", "7", "456", "9" * 20, "9" * 100], ids=len)
def test_an_ack_bears_the_id_of_its_event(id: str, url: str) -> None:
    with Raw(url).join() as raw:
        assert raw.ask(f"42{id}{WATCH}") == f"43{id}{WATCHED}"


def test_acks_come_in_the_order_of_their_events_and_only_where_one_was_asked(url: str) -> None:
    with Raw(url).join() as raw:
        for packet in ("421" + WATCH, "42" + WATCH, '42["no event of ours"]', "42[5]", "423" + WATCH):
            raw.socket.send(packet)
        assert [raw.hear(), raw.hear()] == ["431" + WATCHED, "433" + WATCHED]


@pytest.mark.parametrize("packet", ["43[]", "430[]", "431[1,2]", "43" + "9" * 50 + "[]"])
def test_an_ack_that_nobody_asked_for_changes_nothing(packet: str, url: str) -> None:
    with Raw(url).join() as raw:
        raw.socket.send(packet)
        assert raw.ask("421" + WATCH) == "431" + WATCHED


@pytest.mark.parametrize("data", ["1e999", "-0", '"\\u0000"', '"\\ud800"', "[" * 100 + "]" * 100])
def test_data_that_is_odd_but_json_is_answered(data: str, url: str) -> None:
    with Raw(url).join() as raw:
        assert '"bad_request"' in raw.ask(f'421["watch",{data}]').removeprefix("431")


PAYLOADS = ("", "{}", "[]", "null", '"watch"', "[null]", "[true]", "[{}]", '["watch"', '["watch",NaN]', "[" * 60_000)
RESERVED = ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", "*")


@pytest.mark.parametrize(
    "packet",
    [
        *(f"42{payload}" for payload in PAYLOADS),
        *(f'421["{name}",1]' for name in RESERVED),
        *("42" + "1" * 400 + WATCH, "42abc" + WATCH, "42-1" + WATCH, "421.5" + WATCH),
        *("42/random," + WATCH, "41/random", "43/random,1[]", "43", "43{}", '40"token"', "44", '44{"message":"no"}'),
        *('451-["watch",{"_placeholder":true,"num":0}]', "450-1" + WATCH, "461-1[]", "47", "49", "4abc"),
    ],
    ids=lambda packet: packet[:30],
)
def test_a_connection_that_speaks_no_socket_io_is_closed(packet: str, url: str) -> None:
    with Raw(url).join() as raw:
        raw.socket.send(packet)
        assert raw.last_word()[0] == (1003 if packet[1:2] in "56" else 1002)


@pytest.mark.parametrize("data", [b"", b"\x01\x02\x03\x04", b"42" + WATCH.encode()])
def test_a_binary_message_is_not_taken(data: bytes, url: str) -> None:
    with Raw(url).join() as raw:
        raw.socket.send_binary(data)
        assert raw.last_word() == (1003, "expected text, got a binary message")
