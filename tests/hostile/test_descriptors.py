"""Connections without end: others get in all the same, whatever runs out."""

import socket
from collections.abc import Callable

import pytest

from tests.conftest import until
from tests.hostile.conftest import GET, POST, Victim, is_closed, read_all, statuses
from tests.realtime.clients import connected

HALF = GET[:20]
MANY = 450  # more than there is room for with 512 files


def flood(victim: Victim, data: bytes, count: int, source: str = "127.0.0.2") -> list[socket.socket]:
    opened = []
    for _ in range(count):
        try:
            opened.append(victim.connect(source))
            opened[-1].sendall(data)
        except OSError:
            pass  # refused, as some have to be
    return opened


@pytest.mark.parametrize(
    "data",
    [
        HALF,
        pytest.param(b"", marks=pytest.mark.long),
        pytest.param(GET, marks=pytest.mark.long),
        pytest.param(POST + b"Content-Length: 9\r\n\r\n", marks=pytest.mark.long),
    ],
    ids=["half", "silent", "idle", "body"],
)
def test_a_flood_of_one_address_keeps_nobody_out(data: bytes, attack: Callable[..., Victim]) -> None:
    victim = attack(512)
    with connected(victim.url) as viewer:
        opened = flood(victim, data, MANY)
        assert victim.health() < 5 and victim.health("127.0.0.3") < 5
        assert victim.files < 512 - 64
        assert viewer.watch("job:none")["ok"] is True
        for connection in opened[20:]:
            connection.close()
        assert victim.health() < 5
    assert victim.process.poll() is None and "Traceback" not in victim.log()


def test_where_the_descriptors_themselves_run_out_it_goes_on(attack: Callable[..., Victim]) -> None:
    """As when something else in the process takes them: here there are fewer than what the limits leave."""
    victim = attack(64)
    opened = flood(victim, HALF, 100, "127.0.0.2") + flood(victim, b"", 100, "127.0.0.3")
    assert victim.health("127.0.0.4") < 10
    for connection in opened:
        connection.close()
    assert victim.health() < 5 and victim.process.poll() is None


def test_requests_of_one_address_that_are_not_complete_are_limited(attack: Callable[..., Victim]) -> None:
    victim = attack(HEADWAY_MAX_UNFINISHED="20")
    opened = flood(victim, HALF, 15) + flood(victim, POST + b"Content-Length: 9\r\n\r\n{", 15)
    until(lambda: sum(map(is_closed, opened)) >= 1, "the end of one")
    still = [connection for connection in opened if not is_closed(connection)]
    assert len(still) <= 20
    assert statuses(victim.ask(GET, "127.0.0.2")) == [200]


def test_clients_of_a_trusted_proxy_count_one_by_one(attack: Callable[..., Victim]) -> None:
    victim = attack(HEADWAY_TRUSTED_PROXIES="127.0.0.2", HEADWAY_MAX_UNFINISHED="2")
    half = POST + b"X-Forwarded-For: %s\r\nContent-Length: 9\r\n\r\n{"
    greedy = [victim.connect("127.0.0.2") for _ in range(3)]
    other = victim.connect("127.0.0.2")
    other.sendall(half % b"10.0.0.2")
    for connection in greedy:
        connection.sendall(half % b"10.0.0.1")
    until(lambda: any(is_closed(connection) for connection in greedy), "the end of one of the greedy ones")
    other.sendall(b"       }")
    assert statuses(read_all(other)) == [400]  # it was read to its end


def test_an_address_has_a_share_of_open_sockets(attack: Callable[..., Victim]) -> None:
    victim = attack(HEADWAY_MAX_CONNECTIONS="40", HEADWAY_MAX_PER_ADDRESS="10")
    opened = flood(victim, GET, 15)
    until(lambda: sum(map(is_closed, opened)) >= 5, "the end of those that waited longest")
    assert victim.health() < 5 and victim.health("127.0.0.2") < 5
    with connected(victim.url) as first, connected(victim.url) as second:
        assert first.watch("job:none")["ok"] and second.watch("job:none")["ok"]
