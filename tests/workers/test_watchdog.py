"""Watchdogs: when a process is deaf, and when it only starts."""

import socket
from collections.abc import Iterator

import pytest

from tests.no_files import no_files
from tests.workers.conftest import Clock
from workers import watchdog
from workers.watchdog import DEADLINE, INTERVAL, MISSES, Watchdog


@pytest.fixture
def dog(clock: Clock) -> Iterator[Watchdog]:
    made = Watchdog("/healthz", now=clock)
    yield made
    made.close()


@pytest.fixture
def process(dog: Watchdog) -> Iterator[socket.socket]:
    """The listening socket as the process has it."""
    with socket.socket(socket.AF_UNIX, fileno=socket.dup(dog.fileno())) as inherited:
        yield inherited


def answer(process: socket.socket, words: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> bytes:
    taken, _ = process.accept()
    with taken:
        asked = taken.recv(1000)
        taken.sendall(words)
        return asked


def miss(dog: Watchdog, clock: Clock, times: int) -> bool:
    """Let so many questions go unanswered; whether it is deaf then."""
    deaf = False
    for _ in range(times):
        dog.is_deaf()
        clock.now += DEADLINE + 0.1
        deaf = dog.is_deaf()
    return deaf


def test_a_process_that_answers_is_not_deaf(dog: Watchdog, process: socket.socket, clock: Clock) -> None:
    for _ in range(20):
        assert not dog.is_deaf()
        assert answer(process).startswith(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        assert not dog.is_deaf()
        clock.now += INTERVAL


def test_any_answer_shows_that_it_answers(dog: Watchdog, process: socket.socket, clock: Clock) -> None:
    """Limits and Redis are no matter of a restart."""
    dog.is_deaf()
    answer(process)
    dog.is_deaf()
    for _ in range(2 * MISSES):
        clock.now += INTERVAL
        dog.is_deaf()
        answer(process, b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
        assert not dog.is_deaf()


def test_a_process_that_answered_and_does_no_more_is_deaf(dog: Watchdog, process: socket.socket, clock: Clock) -> None:
    dog.is_deaf()
    answer(process)
    dog.is_deaf()
    clock.now += INTERVAL
    assert not miss(dog, clock, MISSES - 1)
    assert miss(dog, clock, 1)
    dog.restart()
    assert not dog.is_deaf()


def test_a_process_that_starts_is_left_alone(dog: Watchdog, clock: Clock) -> None:
    assert not miss(dog, clock, 10 * MISSES)


def test_a_supervisor_that_was_stopped_itself_blames_nobody(
    dog: Watchdog, process: socket.socket, clock: Clock
) -> None:
    dog.is_deaf()
    answer(process)
    dog.is_deaf()
    clock.now += INTERVAL
    dog.is_deaf()
    clock.now += 3600
    assert not dog.is_deaf()


def test_where_nothing_can_be_asked_nobody_is_blamed(dog: Watchdog, process: socket.socket, clock: Clock) -> None:
    dog.is_deaf()
    answer(process)
    dog.is_deaf()
    clock.now += INTERVAL
    with no_files():
        assert not miss(dog, clock, 2 * MISSES)
    clock.now += INTERVAL
    dog.is_deaf()
    assert answer(process)


def test_it_is_deaf_within_half_a_minute_and_leaves_no_file(dog: Watchdog) -> None:
    assert watchdog.DEADLINE * watchdog.MISSES <= 30
    assert dog._folder.exists()
    dog.close()
    assert not dog._folder.exists()
