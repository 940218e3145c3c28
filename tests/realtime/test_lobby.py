"""Lobbies: how long we wait for whom, and when an application gets to see a request."""

from collections.abc import Callable

import pytest

from realtime import body, lobby
from realtime.caller import COLLECTED, COLLECTED_CHUNKS, Then
from tests.hostile.conftest import GET, POST, is_closed
from tests.realtime.hall import Hall, answers
from tests.workers.conftest import Clock


def test_a_whole_request_is_answered_and_the_next_one_after_it(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall()
    client = hall.connect(GET + GET)
    hall.turn()
    client.sendall(GET[:10])
    hall.turn()
    client.sendall(GET[10:])
    hall.turn()
    assert answers(client) == [200] * 3 and not is_closed(client)


def test_a_head_has_its_time_however_it_drips(make_hall: Callable[..., Hall], clock: Clock) -> None:
    hall = make_hall()
    client = hall.connect()
    for byte in GET[: int(lobby.HEAD_TIME)]:
        clock.now += 0.99
        client.sendall(bytes([byte]))
        hall.turn()
        hall.door.tick()
        assert not is_closed(client)
    clock.now += 0.2
    hall.door.tick()
    assert answers(client) == [408]


def test_a_connection_may_be_quiet_between_requests_and_not_within_one(
    make_hall: Callable[..., Hall], clock: Clock
) -> None:
    hall = make_hall()
    quiet, half = hall.connect(GET), hall.connect(GET)
    clock.now += lobby.HEAD_TIME + 1
    hall.door.tick()
    half.sendall(GET[:5])
    hall.turn()
    clock.now += lobby.HEAD_TIME + 1
    hall.door.tick()
    assert answers(quiet) == [200] and not is_closed(quiet)
    assert answers(half) == [200, 408]
    clock.now += lobby.IDLE_TIME
    hall.door.tick()
    assert is_closed(quiet)


def test_of_requests_that_are_not_complete_the_oldest_of_that_address_ends(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(unfinished=2)
    other = hall.connect(GET[:5], "127.0.0.2")
    first, second, third = (hall.connect(GET[:5]) for _ in range(3))
    assert answers(first) == [429] and not any(map(is_closed, (other, second, third)))
    second.sendall(GET[5:])
    hall.turn()
    fourth = hall.connect(GET[:5])
    assert answers(second) == [200] and not is_closed(third) and not is_closed(fourth)


def test_a_trusted_proxy_counts_for_its_clients(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(most_of_one=1, trusted="127.0.0.1")
    hall.then = Then.KEPT

    def ask(client: str) -> list[int]:
        return answers(hall.connect(GET[:-2] + f"X-Forwarded-For: 10.9.9.9, {client}\r\n\r\n".encode()))

    assert [ask("10.0.0.1"), ask("10.0.0.1"), ask("10.0.0.2")] == [[200], [429], [200]]
    assert [client for _, client in hall.answered] == ["10.0.0.1", "10.0.0.2"]
    # nobody else's word counts
    assert answers(hall.connect(GET[:-2] + b"X-Forwarded-For: 10.0.0.3\r\n\r\n", "127.0.0.2")) == [200]
    assert hall.answered[-1][1] == "127.0.0.2"


def test_a_client_of_a_proxy_counts_while_it_is_answered_only(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(most_of_one=1, trusted="127.0.0.1")
    request = GET[:-2] + b"X-Forwarded-For: 10.0.0.1\r\n\r\n"
    assert [answers(hall.connect(request)) for _ in range(3)] == [[200]] * 3


def test_who_is_refused_can_read_why_though_more_was_on_its_way(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall()
    client = hall.connect(b"GET / HTTP/9.9\r\nHost: a\r\n\r\n" + b"x" * 5000)
    client.sendall(b"y" * 5000)
    hall.turn()
    assert answers(client) == [505]


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (POST + b"Content-Length: 4\r\n\r\n", b"abcd"),
        (POST + b"Content-Length: 4\r\n\r\nab", b"cd"),
        (POST + b"Content-Length: %d\r\n\r\n" % COLLECTED, b""),
        (CHUNKED, b"2\r\nab\r\n0\r\n\r\n"),
        (CHUNKED + b"2\r\na", b"b\r\n0\r\nX: y\r\n\r\n"),
    ],
)
def test_a_small_body_is_collected_before_anybody_looks_at_it(
    first: bytes, last: bytes, make_hall: Callable[..., Hall]
) -> None:
    hall = make_hall()
    client = hall.connect(first)
    assert not hall.answered
    client.sendall(last)
    hall.turn()
    assert len(hall.answered) == bool(last)


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Content-Length: %d\r\n\r\n" % (COLLECTED + 1),
        POST + b"Content-Length: 4\r\nExpect: 100-continue\r\n\r\n",
        CHUNKED + b"%x\r\n" % COLLECTED_CHUNKS + b"x" * COLLECTED_CHUNKS,
    ],
)
def test_of_a_large_body_or_one_that_is_asked_for_the_application_decides(
    data: bytes, make_hall: Callable[..., Hall]
) -> None:
    hall = make_hall()
    hall.connect(data)
    for _ in range(10):
        hall.turn()
    assert len(hall.answered) == 1


@pytest.mark.parametrize("byte", [b"x", b""])
def test_a_body_has_its_time_however_it_drips(byte: bytes, make_hall: Callable[..., Hall], clock: Clock) -> None:
    hall = make_hall()
    client = hall.connect(POST + b"Content-Length: 100\r\n\r\n")
    for _ in range(int(body.TIME)):
        clock.now += 0.99
        client.sendall(byte)
        hall.turn()
        hall.door.tick()
        assert not is_closed(client)
    clock.now += 0.5
    hall.door.tick()
    assert answers(client) == [408] and not hall.answered


def test_a_body_that_can_not_be_read_in_one_way_is_seen_by_nobody(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall()
    for chunks in (b"0x0\r\n", b"2\r\nabc\r\n", b"-1\r\n", b"1\n"):
        assert answers(hall.connect(CHUNKED + chunks)) == [400]
    assert not hall.answered


def test_bodies_that_do_not_fit_are_refused_and_give_back_their_room(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(room=100)
    first = hall.connect(POST + b"Content-Length: 90\r\n\r\n" + b"x" * 80)
    assert answers(hall.connect(POST + b"Content-Length: 30\r\n\r\n")) == [503]
    first.close()
    hall.turn()
    assert answers(hall.connect(POST + b"Content-Length: 90\r\n\r\n" + b"x" * 90)) == [200]


def test_behind_a_proxy_a_body_counts_for_its_client(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(unfinished=1, trusted="127.0.0.1")
    half = POST + b"X-Forwarded-For: %s\r\nContent-Length: 4\r\n\r\nab"
    other, first, second = (hall.connect(half % one) for one in (b"10.0.0.2", b"10.0.0.1", b"10.0.0.1"))
    assert answers(first) == [429]
    for client in (other, second):
        client.sendall(b"cd")
    hall.turn()
    assert answers(other) == answers(second) == [200]


def test_of_many_refusals_some_wait_so_that_nobody_is_back_at_once(
    make_hall: Callable[..., Hall], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby, "FAULTS", 20)
    hall = make_hall(most=1000, most_of_one=1000)
    bad = [hall.connect(b"GET / HTTP/9.9\r\nHost: a\r\n\r\n") for _ in range(lobby.FAULTS + 10)]
    assert [answers(client) for client in bad[-10:]] == [[]] * 10
    hall.door.tick()
    assert [answers(client) for client in bad[-10:]] == [[]] * 10
    clock.now += lobby.HOLD + 0.1
    hall.door.tick()
    assert [answers(client) for client in bad] == [[505]] * (lobby.FAULTS + 10)


def test_a_crowd_of_bodies_does_not_hold_up_who_only_looks(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(most=1000, most_of_one=1000)
    hall.then = Then.LEAVES
    for _ in range(30):
        hall.arrive(POST + b"Content-Length: 1\r\n\r\nx")
    hall.arrive(GET)
    hall.turn()
    paths = [path for path, _ in hall.answered]
    assert len(paths) == 31 and paths.index("/healthz") < 10
