"""Doors: who gets in, how long we wait for whom, and that nothing ends the taking of connections."""

import errno
import socket
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from realtime import door
from realtime.caller import Caller, Then
from realtime.door import Door
from realtime.framing import Head
from realtime.gate import Gate
from tests.hostile.conftest import GET, is_closed, read_all, statuses
from tests.workers.conftest import Clock
from workers.addresses import networks

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Wire:
    """A socket as eventlet's: `fd` never waits."""

    def __init__(self, fd: socket.socket) -> None:
        fd.setblocking(False)
        self.fd = fd
        self.close: Any = fd.close
        self.shutdown, self.fileno, self.sendall = fd.shutdown, fd.fileno, fd.sendall


class Hall:
    """A door without a hub: `turn` does what a hub would do."""

    def __init__(self, gate: Gate, unfinished: int, trusted: str, clock: Clock) -> None:
        self.errors: deque[OSError] = deque()
        self.answered: list[tuple[str, str]] = []  # paths, and whose they were
        self.then = Then.STAYS
        self._listening = Wire(socket.create_server(("127.0.0.1", 0)))
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._tasks: deque[Callable[[], None]] = deque()
        self._clients: list[socket.socket] = []
        self._kept: list[Wire] = []
        self.door = Door(
            gate,
            self._answer,
            accept=self._accept,
            listen=self._listen,
            spawn=self._tasks.append,
            unfinished=unfinished,
            trusted=networks(trusted),
            now=clock,
        )
        self.door.open(self._listening)

    def _accept(self, listening: Wire) -> tuple[Wire, Any]:
        if self.errors:
            raise self.errors.popleft()
        taken, address = listening.fd.accept()
        return Wire(taken), address

    def _listen(self, file: int, callback: Callable[[int], None]) -> Callable[[], None]:
        assert file not in self._callbacks
        self._callbacks[file] = callback
        return lambda: void(self._callbacks.pop(file))

    def _answer(self, caller: Caller, head: Head, client: str) -> tuple[Then, int]:
        self.answered.append((head.target, client))
        caller.wire.sendall(OK)
        if self.then is Then.KEPT:
            self._kept.append(caller.wire)
        return self.then, 0

    def turn(self) -> None:
        for file, callback in list(self._callbacks.items()):
            if file in self._callbacks:
                callback(file)
        while self._tasks:
            self._tasks.popleft()()

    def connect(self, data: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        client = socket.create_connection(self._listening.fd.getsockname(), 5, (source, 0))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients.append(client)
        client.sendall(data)
        self.turn()
        return client

    def end(self) -> None:
        self.door.close()
        for client in self._clients:
            client.close()
        for wire in self._kept:
            wire.close()
        self.turn()


def void(_: object) -> None: ...


@pytest.fixture
def make(clock: Clock) -> Iterator[Callable[..., Hall]]:
    halls = []

    def make(most: int = 100, most_of_one: int = 100, unfinished: int = 100, trusted: str = "") -> Hall:
        halls.append(Hall(Gate(most, most_of_one), unfinished, trusted, clock))
        return halls[-1]

    yield make
    for hall in halls:
        hall.end()


def answers(client: socket.socket) -> list[int]:
    return statuses(read_all(client, 0.05))


def test_a_whole_request_is_answered_and_the_next_one_after_it(make: Callable[..., Hall]) -> None:
    hall = make()
    client = hall.connect(GET + GET)
    hall.turn()
    client.sendall(GET[:10])
    hall.turn()
    client.sendall(GET[10:])
    hall.turn()
    assert answers(client) == [200] * 3 and not is_closed(client)


def test_a_lack_of_descriptors_ends_nothing(make: Callable[..., Hall]) -> None:
    hall = make()
    for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED, errno.EPROTO):
        hall.errors.append(OSError(number, "no"))
        client = hall.connect(GET)
        hall.turn()
        hall.door.tick()
        hall.turn()
        assert answers(client) == [200], errno.errorcode[number]


def test_where_descriptors_lack_those_who_say_nothing_make_room(make: Callable[..., Hall]) -> None:
    hall = make()
    silent, half = hall.connect(), hall.connect(GET[:5])
    hall.errors.append(OSError(errno.EMFILE, "no"))
    client = hall.connect(GET)
    hall.door.tick()
    hall.turn()
    assert is_closed(silent) and answers(half) == [503] and answers(client) == [200]


def test_a_listening_socket_beyond_use_is_an_error(make: Callable[..., Hall]) -> None:
    hall = make()
    hall.errors.append(OSError(errno.EBADF, "no"))
    hall.turn()
    with pytest.raises(OSError):
        hall.door.tick()


def test_a_head_has_its_time_however_it_drips(make: Callable[..., Hall], clock: Clock) -> None:
    hall = make()
    client = hall.connect()
    for byte in GET[: int(door.HEAD_TIME)]:
        clock.now += 0.99
        client.sendall(bytes([byte]))
        hall.turn()
        hall.door.tick()
        assert not is_closed(client)
    clock.now += 0.2
    hall.door.tick()
    assert answers(client) == [408]


def test_a_connection_may_be_quiet_between_requests_and_not_within_one(make: Callable[..., Hall], clock: Clock) -> None:
    hall = make()
    quiet, half = hall.connect(GET), hall.connect(GET)
    clock.now += door.HEAD_TIME + 1
    hall.door.tick()
    half.sendall(GET[:5])
    hall.turn()
    clock.now += door.HEAD_TIME + 1
    hall.door.tick()
    assert answers(quiet) == [200] and not is_closed(quiet)
    assert answers(half) == [200, 408]
    clock.now += door.IDLE_TIME
    hall.door.tick()
    assert is_closed(quiet)


def test_of_requests_that_are_not_complete_the_oldest_of_that_address_ends(make: Callable[..., Hall]) -> None:
    hall = make(unfinished=2)
    other = hall.connect(GET[:5], "127.0.0.2")
    first, second, third = (hall.connect(GET[:5]) for _ in range(3))
    assert answers(first) == [429] and not any(map(is_closed, (other, second, third)))
    second.sendall(GET[5:])
    hall.turn()
    fourth = hall.connect(GET[:5])
    assert answers(second) == [200] and not is_closed(third) and not is_closed(fourth)


def test_an_address_has_its_share_of_sockets_and_those_who_wait_make_room(make: Callable[..., Hall]) -> None:
    hall = make(most_of_one=2)
    first, second, third = (hall.connect() for _ in range(3))
    assert is_closed(first) and not is_closed(second) and not is_closed(third)
    assert answers(hall.connect(GET, "127.0.0.2")) == [200]


def test_where_nobody_waits_one_too_many_is_refused(make: Callable[..., Hall]) -> None:
    hall = make(most_of_one=2)
    hall.then = Then.KEPT
    sockets = [hall.connect(GET) for _ in range(2)]
    assert answers(hall.connect(GET)) == [503]
    assert [answers(one) for one in sockets] == [[200]] * 2
    assert answers(hall.connect(GET, "127.0.0.2")) == [200]


def test_a_trusted_proxy_counts_for_its_clients(make: Callable[..., Hall]) -> None:
    hall = make(most_of_one=1, trusted="127.0.0.1")
    hall.then = Then.KEPT

    def ask(client: str) -> list[int]:
        return answers(hall.connect(GET[:-2] + f"X-Forwarded-For: 10.9.9.9, {client}\r\n\r\n".encode()))

    assert [ask("10.0.0.1"), ask("10.0.0.1"), ask("10.0.0.2")] == [[200], [429], [200]]
    assert [client for _, client in hall.answered] == ["10.0.0.1", "10.0.0.2"]
    # nobody else's word counts
    assert answers(hall.connect(GET[:-2] + b"X-Forwarded-For: 10.0.0.3\r\n\r\n", "127.0.0.2")) == [200]
    assert hall.answered[-1][1] == "127.0.0.2"


def test_a_client_of_a_proxy_counts_while_it_is_answered_only(make: Callable[..., Hall]) -> None:
    hall = make(most_of_one=1, trusted="127.0.0.1")
    request = GET[:-2] + b"X-Forwarded-For: 10.0.0.1\r\n\r\n"
    assert [answers(hall.connect(request)) for _ in range(3)] == [[200]] * 3


def test_who_is_refused_can_read_why_though_more_was_on_its_way(make: Callable[..., Hall]) -> None:
    hall = make()
    client = hall.connect(b"GET / HTTP/9.9\r\nHost: a\r\n\r\n" + b"x" * 5000)
    client.sendall(b"y" * 5000)
    hall.turn()
    assert answers(client) == [505]


def test_after_its_end_a_door_takes_nobody_and_answers_who_is_in(make: Callable[..., Hall]) -> None:
    hall = make()
    silent, half = hall.connect(), hall.connect(GET[:5])
    hall.door.close()
    assert is_closed(silent)
    half.sendall(GET[5:])
    hall.turn()
    assert answers(half) == [200] and is_closed(half)
