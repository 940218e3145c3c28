"""Requests that a proxy and we could read as different ones: one answer, which refuses, and the end (RFC 9112)."""

import socket

import pytest

from tests.hostile.conftest import GET, POST, Victim, is_closed, read_all, statuses

SMUGGLED = b"GET /api/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKS = b"0\r\n\r\n" + SMUGGLED


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
        (b"Transfer-Encoding: xchunked\r\n", 501),
        (b"Transfer-Encoding: chunked;x\r\n", 400),
        (b"Transfer-Encoding: \x0bchunked\r\n", 400),
        (b"Transfer_Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding : chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 400),
        (b"Content-Length: 4\r\nContent-Length: 4\r\n", 400),
        (b"Content-Length: 0\r\nContent-Length: 4\r\n", 400),
        (b"Content-Length: +0\r\n", 400),
        (b"Content-Length: 1_0\r\n", 400),
        (b"Content-Length: -1\r\n", 400),
        (b"Content-Length: 0, 4\r\n", 400),
        (b"X: 1\r\n Content-Length: 4\r\n", 400),
        (b"X: 1\nContent-Length: 4\r\n", 400),
        (b"X: 1\rContent-Length: 4\r\n", 400),
        (b"Host: 127.0.0.1\r\n", 400),
    ],
)
def test_a_head_of_two_meanings_gets_one_answer_and_the_end(headers: bytes, status: int, shared: Victim) -> None:
    assert statuses(shared.ask(POST + headers + b"\r\n" + CHUNKS)) == [status]


@pytest.mark.parametrize(
    "chunks",
    [
        b"0x0\r\n\r\n",
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"+0\r\n\r\n",
        b"\r\n\r\n",
        b" 0\r\n\r\n",
        b"0\n\n",
        b"0\r\r\n\r\n",
        b"2\r\nabc\r\n0\r\n\r\n",
        b"2\r\nab0\r\n\r\n",
        b"2\r\nab\n0\r\n\r\n",
        b"0\r\n x: y\r\n\r\n",
        b"0\r\nGET / HTTP/1.1\r\n\r\n",
    ],
)
@pytest.mark.parametrize("path", [b"/api/jobs", b"/healthz", b"/nowhere"])
def test_chunks_of_two_meanings_get_one_answer_and_the_end(chunks: bytes, path: bytes, shared: Victim) -> None:
    """Also where no view reads the body."""
    request = b"POST " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert len(statuses(shared.ask(request + chunks + SMUGGLED))) == 1


@pytest.mark.parametrize("half", [GET[:-2], GET[:-4], GET[:20], POST + b"Content-Length: 4\r\n\r\n"])
def test_half_a_request_is_none(half: bytes, shared: Victim) -> None:
    connection = shared.connect()
    connection.sendall(half)
    connection.shutdown(socket.SHUT_WR)
    assert 200 not in statuses(read_all(connection)) and is_closed(connection)


def test_requests_in_one_packet_are_answered_one_by_one(shared: Victim) -> None:
    body = POST + b"Content-Length: 2\r\n\r\n{}"
    chunks = POST + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n"
    assert statuses(shared.ask(GET + body + GET + chunks + GET)) == [200, 400, 200, 400, 200]


def test_an_answer_of_the_edge_is_an_error_of_the_contract(shared: Victim) -> None:
    head, _, body = shared.ask(b"GET / HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in head
    assert body == b'{"error": {"code": "bad_request", "message": "expected one Host header, got 0"}}'


@pytest.mark.parametrize("path", ["/js//x", "/rq//x", "//evil.example/x", "/get", "/rq/", "/queues/", "/api//jobs"])
def test_no_path_leads_to_the_host_that_the_client_named(path: str, shared: Victim) -> None:
    answer = shared.ask(f"GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode())
    locations = [line for line in answer.split(b"\r\n") if line.lower().startswith(b"location:")]
    assert not any(b"evil.example" in line for line in locations), answer
