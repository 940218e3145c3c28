"""Heads, chunk lines, trailers and bodies that never end, or drip: bounded in memory, and by the clock."""

import json
import threading
import time
from collections.abc import Callable

import pytest
import requests

from realtime.app import BODY_LIMIT
from realtime.gate import ROOM
from tests.conftest import DEADLINE, until
from tests.hostile.conftest import GET, POST, Victim, is_closed, read_all, statuses

CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
MIB = 1024 * 1024


def pour(victim: Victim, head: bytes, more: bytes, most: int = 64 * MIB) -> bytes:
    """Send `head` and then `more` for ever, until the process has had enough; returns its answer."""
    connection = victim.connect()
    connection.sendall(head)
    sent = 0
    try:
        while sent < most:
            connection.sendall(more)
            sent += len(more)
    except OSError:
        pass  # as it should
    assert sent < most, "it has read all of it"
    return read_all(connection)


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"GET /", b"x" * MIB),
        (b"GET / HTTP/1.1\r\nX: ", b"x" * MIB),
        (b"GET / HTTP/1.1\r\n", b"X: 1\r\n" * 100_000),
        (CHUNKED, b"0" * MIB),
        (CHUNKED, b"5;" + b"x" * MIB),
        (CHUNKED + b"0\r\n", b"x" * MIB),
        (CHUNKED + b"0\r\n", b"x: 1\r\n" * 100_000),
        (CHUNKED, b"1\r\nx\r\n" * 100_000),
        (CHUNKED, b"100000\r\n" + b"x" * MIB + b"\r\n"),
    ],
    ids=["path", "header", "headers", "size", "extension", "trailer", "trailers", "small chunks", "chunks"],
)
def test_what_never_ends_is_not_kept(head: bytes, more: bytes, shared: Victim) -> None:
    before = shared.memory
    pour(shared, head, more)
    assert shared.memory - before < 24 * MIB
    assert shared.health() < 5


def test_chunks_are_a_body_like_any_other(shared: Victim, session: requests.Session) -> None:
    text = json.dumps({"task": "sum_numbers", "args": {"text": "1 2"}}).encode()
    answer = session.post(f"{shared.url}/api/jobs", data=iter([text[:10], text[10:]]))
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("over", [0, 1])
def test_chunks_are_limited_by_the_route_as_a_length_is(over: int, shared: Victim, session: requests.Session) -> None:
    body = b'"' + b"x" * (BODY_LIMIT - 2 + over) + b'"'
    by_length = session.post(f"{shared.url}/api/jobs", data=body)
    by_chunks = session.post(f"{shared.url}/api/jobs", data=iter([body[:1000], body[1000:]]))
    assert by_length.status_code == by_chunks.status_code == (413 if over else 400)
    assert by_length.json() == by_chunks.json()


def test_only_who_is_known_may_send_much(shared: Victim, session: requests.Session) -> None:
    body = json.dumps({"task": "sum_numbers", "args": [{"text": "1" * 1000}] * 1500}).encode()
    assert len(body) > BODY_LIMIT
    url = f"{shared.url}/api/jobs/bulk"
    assert requests.post(url, data=body).status_code == 413
    assert requests.post(url, data=body, headers={"Authorization": "Bearer made up"}).status_code == 401
    assert requests.post(url, data=body, cookies={"headway": "made.up"}).status_code == 413
    assert session.post(url, data=body).status_code == 202
    token = {"Authorization": "Bearer an operator's token of the tests"}
    assert requests.post(url, data=body, headers=token).status_code == 202


def test_what_is_too_long_by_its_length_is_refused_before_it_is_read(shared: Victim) -> None:
    began = time.monotonic()
    answer = shared.ask(POST + b"Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n")
    assert statuses(answer) == [413] and b"Connection: close" in answer
    assert statuses(shared.ask(POST + b"Content-Length: 9" + b"9" * 30 + b"\r\n\r\n")) == [413]
    assert time.monotonic() - began < DEADLINE


def test_a_body_that_is_expected_is_asked_for(shared: Victim) -> None:
    connection = shared.connect()
    connection.sendall(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"{}" + GET)
    assert statuses(read_all(connection)) == [400, 200]


@pytest.mark.parametrize(
    ("head", "drip"),
    [
        (GET[:10], b"x"),
        (POST, b"X: 1\r\n"),
        (POST + b"Content-Length: 100000\r\n\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED, b"0"),
        (CHUNKED + b"0\r\nx: ", b"y"),
    ],
    ids=["path", "headers", "body", "chunks", "size", "trailers"],
)
def test_what_drips_is_cut(head: bytes, drip: bytes, shared: Victim) -> None:
    """Each byte is in time; all of them are not. The time is 1 s for a head and 2 s for a body here."""
    connection = shared.connect()
    connection.sendall(head)
    began = time.monotonic()
    connection.settimeout(0.1)
    said = b""
    while not said and time.monotonic() - began < DEADLINE:
        try:
            connection.sendall(drip)
            said = connection.recv(4096)
        except TimeoutError:
            continue  # it waits for more
    assert statuses(said) == [408] and time.monotonic() - began < 5


def test_who_says_nothing_is_cut(shared: Victim) -> None:
    silent, served = shared.connect(), shared.connect()
    served.sendall(GET)
    assert statuses(served.recv(4096)) == [200]
    until(lambda: is_closed(silent), "the end of who never spoke")
    until(lambda: is_closed(served), "the end of who has no more to say")


def test_bodies_in_memory_have_a_budget_and_others_are_served(attack: Callable[..., Victim]) -> None:
    victim = attack()
    before = victim.memory
    half = POST.replace(b"/jobs", b"/jobs/bulk") + b"Content-Length: 1000000\r\n\r\n" + b"x" * 900_000
    answers = []

    def send(number: int) -> None:
        connection = victim.connect(f"127.0.0.{2 + number % 8}")
        try:
            connection.sendall(half)
        except OSError:
            pass  # it has been refused
        answers.append(read_all(connection, DEADLINE))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert victim.memory - before < ROOM + 32 * MIB
    refused = [answer for answer in answers if statuses(answer) == [503]]
    assert refused and all(b"Retry-After: 2" in answer for answer in refused)
    assert victim.health("127.0.0.99") < 2
    until(lambda: statuses(victim.ask(POST + b"Content-Length: 2\r\n\r\n{}")) == [400], "room again")


@pytest.mark.long
def test_no_address_takes_all_of_the_budget(attack: Callable[..., Victim]) -> None:
    victim = attack()
    half = POST.replace(b"/jobs", b"/jobs/bulk") + b"Content-Length: 1000000\r\n\r\n" + b"x" * 900_000
    greedy = []
    for _ in range(2 * ROOM // 1_000_000):
        greedy.append(victim.connect("127.0.0.2"))
        greedy[-1].setblocking(False)
        try:
            greedy[-1].send(half)
        except OSError:
            pass  # it has been refused
    other = victim.ask(POST + b"Content-Length: 500000\r\n\r\n" + b"x" * 500_000, "127.0.0.3")
    assert statuses(other) == [400]
