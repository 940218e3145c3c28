"""Framing: every form in which a proxy and we could read different requests out of the same bytes."""

import pytest

from realtime.framing import HEAD_LIMIT, HEADER_LIMIT, LINE_LIMIT, Chunks, Fault, Head, Heads, chunk_size, trailer

HOST = "Host: a.test\r\n"


def heads_of(data: bytes, step: int = 0) -> list[Head]:
    """All heads in `data`, which comes in pieces of `step` bytes."""
    heads, found = Heads(), []
    for begin in range(0, len(data), step or len(data)):
        heads.rest += data[begin : begin + (step or len(data))]
        while (head := heads.next()) is not None:
            found.append(head)
    return found


def head_of(headers: str, first: str = "POST /x HTTP/1.1") -> Head:
    [head] = heads_of(f"{first}\r\n{headers}\r\n".encode("latin-1"))
    return head


@pytest.mark.parametrize("step", [0, 1, 7])
def test_heads_are_the_same_however_their_bytes_come(step: int) -> None:
    data = b"GET /a?b=c HTTP/1.1\r\nHost: a.test:81\r\nX: \t 1 2 \t\r\nEmpty:\r\n\r\nGET /b HTTP/1.0\r\n\r\n"
    first, second = heads_of(data, step)
    assert (first.method, first.target, first.version, first.keeps) == ("GET", "/a?b=c", "HTTP/1.1", True)
    assert first.headers == (("Host", "a.test:81"), ("X", "1 2"), ("Empty", ""))
    assert (second.target, second.version, second.keeps) == ("/b", "HTTP/1.0", False)


def test_half_a_head_is_none() -> None:
    heads = Heads()
    heads.rest += b"GET / HTTP/1.1\r\nHost: a.test\r\n"
    assert heads.next() is None and heads.begun
    heads.rest += b"\r\nrest"
    assert heads.next() is not None and bytes(heads.rest) == b"rest"


@pytest.mark.parametrize(
    ("headers", "length", "chunked"),
    [
        ("", 0, False),
        ("Content-Length: 0\r\n", 0, False),
        ("content-length:  12  \r\n", 12, False),
        ("Content-Length: 007\r\n", 7, False),
        ("Transfer-Encoding: chunked\r\n", 0, True),
        ("transfer-encoding: CHUNKED \r\n", 0, True),
    ],
)
def test_a_body_has_a_length_or_chunks(headers: str, length: int, chunked: bool) -> None:
    head = head_of(HOST + headers)
    assert (head.length, head.chunked) == (length, chunked)


@pytest.mark.parametrize(
    "headers",
    [
        # who is right about where the body ends?
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked;x\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: \xa0chunked\r\n",
        "Transfer-Encoding: \x00chunked\r\n",
        "Transfer-Encoding: chunked\x85\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        'Transfer-Encoding: "chunked"\r\n',
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: chunked\x7f\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer_Encoding: chunked\r\n",
        "Content_Length: 5\r\n",
        "Transfer-Encoding\x00: chunked\r\n",
        "Transfer-Encoding\xa0: chunked\r\n",
        "X: 1\r\n Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: 1\rTransfer-Encoding: chunked\r\n",
        "X: 1\nTransfer-Encoding: chunked\r\n",
        "X: 1\n\nTransfer-Encoding: chunked\r\n",
        "X: 1\r\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 0, 5\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 1_0\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: \xb2\r\n",
        "Content-Length:\r\n",
        # whom is it for?
        "Host: b.test\r\n",
        "Host:\r\n",
        # no header at all
        "X\r\n",
        ": 1\r\n",
        "X Y: 1\r\n",
        "X(): 1\r\n",
        "X: \x01\r\n",
        "X: \x08\r\n",
        "\r: 1\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(headers: str) -> None:
    with pytest.raises(Fault) as refused:
        head_of(HOST + headers)
    assert (refused.value.status, refused.value.code) == (400, "bad_request")


@pytest.mark.parametrize(
    "coding", ["xchunked", "gzip, chunked", "chunked, identity", "identity", "gzip", "chunked,gzip"]
)
def test_an_unknown_transfer_coding_is_refused_as_such(coding: str) -> None:
    with pytest.raises(Fault) as refused:
        head_of(f"{HOST}Transfer-Encoding: {coding}\r\n")
    assert refused.value.status == 501


@pytest.mark.parametrize(
    ("first", "headers"),
    [
        ("GET / HTTP/1.1", ""),
        ("GET / HTTP/1.1", "Host: a b\r\n"),
        ("GET / HTTP/1.1", "Host: a.test/x\r\n"),
        ("GET / HTTP/1.1", "Host: user@a.test\r\n"),
        ("GET / HTTP/1.1", "Host: a.test:80:80\r\n"),
        ("GET / HTTP/1.1", "Host: a.test, b.test\r\n"),
        ("GET / HTTP/1.0", "Host: a.test\r\nHost: a.test\r\n"),
        ("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n"),
        ("GET /", HOST),
        ("GET", HOST),
        ("GET  / HTTP/1.1", HOST),
        ("GET\t/ HTTP/1.1", HOST),
        (" GET / HTTP/1.1", HOST),
        ("GET / HTTP/1.1 ", HOST),
        ("GET / http/1.1", HOST),
        ("GET / HTTP/1.1.1", HOST),
        ("GET / HTTP/11", HOST),
        ("GET / HTTP/+1.1", HOST),
        ("GET / HTTP/1.١", HOST),
        ("GET /a b HTTP/1.1", HOST),
        ("GET /\x00 HTTP/1.1", HOST),
        ("G(T / HTTP/1.1", HOST),
        ("GET x HTTP/1.1", HOST),
        ("GET * HTTP/1.1", HOST),
        ("CONNECT a.test:80 HTTP/1.1", HOST),
        ("GET http://b.test/ HTTP/1.1", HOST),
        ("GET ftp://a.test/ HTTP/1.1", HOST),
        ("GET http://u@a.test/ HTTP/1.1", HOST),
    ],
)
def test_a_request_line_is_of_one_form_and_names_this_host(first: str, headers: str) -> None:
    with pytest.raises(Fault) as refused:
        heads_of(f"{first}\r\n{headers}\r\n".encode())
    assert refused.value.status == 400


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/0.9", "HTTP/1.2"])
def test_another_version_is_refused_as_such(version: str) -> None:
    with pytest.raises(Fault) as refused:
        head_of(HOST, f"GET / {version}")
    assert refused.value.status == 505


@pytest.mark.parametrize(
    ("first", "target"),
    [
        ("GET http://A.test/x?y HTTP/1.1", "/x?y"),
        ("GET http://a.test HTTP/1.1", "/"),
        ("GET https://a.test?y HTTP/1.1", "/?y"),
        ("OPTIONS * HTTP/1.1", "*"),
        ("GET //x HTTP/1.1", "//x"),
        ("GET /\xe9 HTTP/1.1", "/\xe9"),
    ],
)
def test_a_target_is_a_path_on_this_host(first: str, target: str) -> None:
    assert head_of(HOST, first).target == target


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "Upgrade, Close", False),
        ("1.0", "", False),
        ("1.0", "Keep-Alive", True),
        ("1.0", "keep-alive, close", False),
    ],
)
def test_a_connection_is_kept_as_its_client_says(version: str, connection: str, keeps: bool) -> None:
    headers = f"Connection: {connection}\r\n" if connection else ""
    assert head_of(HOST + headers, f"GET / HTTP/{version}").keeps == keeps


# -- bounds


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"x" * LINE_LIMIT, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * LINE_LIMIT, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * (HEADER_LIMIT + 1), 431),
        (b"GET / HTTP/1.1\r\n" + (b"X: " + b"x" * 8000 + b"\r\n") * 5, 431),
        (b"\r\n\r\n", 400),
        (b"\n", 400),
    ],
)
@pytest.mark.parametrize("step", [0, 1000])
def test_a_head_that_does_not_end_is_refused_before_its_end(data: bytes, status: int, step: int) -> None:
    with pytest.raises(Fault) as refused:
        heads_of(data, step)
    assert refused.value.status == status


def test_a_head_may_be_as_large_as_it_says() -> None:
    long = f"{HOST}X: {'x' * (LINE_LIMIT - 5)}\r\n"
    long += f"X: {'x' * (HEAD_LIMIT - len(long) - 30)}\r\n"
    assert len(head_of(long).headers) == 3
    assert len(head_of(HOST + "X: 1\r\n" * (HEADER_LIMIT - 1)).headers) == HEADER_LIMIT
    assert head_of(HOST, f"GET /{'x' * (LINE_LIMIT - 16)} HTTP/1.1").method == "GET"


def test_one_empty_line_before_a_request_is_allowed() -> None:
    assert [head.target for head in heads_of(b"\r\nGET /a HTTP/1.0\r\n\r\n\r\nGET /b HTTP/1.0\r\n\r\n")] == ["/a", "/b"]


# -- chunks


@pytest.mark.parametrize(
    ("line", "size"), [(b"0", 0), (b"a", 10), (b"FF", 255), (b"005", 5), (b"5;name=value", 5), (b"5 ; x", 5)]
)
def test_the_size_of_a_chunk_is_hexadecimal(line: bytes, size: int) -> None:
    assert chunk_size(line) == size


@pytest.mark.parametrize(
    "line",
    b"| |0x0|0x5|-5|+0|+5| 5|5_0|g|5 5|5\r|5;\x00|5;a\rb|;|\xb2|5,5|ffffffffffffffff|\xef\xbc\x95".split(b"|"),
)
def test_another_size_of_a_chunk_is_refused(line: bytes) -> None:
    with pytest.raises(Fault) as refused:
        chunk_size(line)
    assert refused.value.status == 400


def test_a_trailer_is_a_header() -> None:
    trailer(b"Checksum: 1")
    for line in (b"GET / HTTP/1.1", b" x: 1", b"x_y: 1", b"x: \r"):
        with pytest.raises(Fault):
            trailer(line)


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    "chunks",
    [b"0\r\n\r\n", b"3\r\nabc\r\n2;x=y\r\n\r\n\r\n0\r\nX: y\r\nZ: 1\r\n\r\n", b"a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"],
)
def test_the_end_of_chunks_is_found_however_they_come(chunks: bytes, step: int) -> None:
    scanned, data = Chunks(), bytearray()
    for begin in range(0, len(chunks), step):
        assert not scanned.have_ended(data)
        data += chunks[begin : begin + step]
    data += b"GET"
    assert scanned.have_ended(data)


@pytest.mark.parametrize(
    "chunks",
    [
        b"0x0\r\n",
        b"2\r\nabc\r\n",
        b"2\r\nab0\r\n\r\n",
        b"1\n",
        b"\r\n",
        b"x" * 300,
        b"0\r\n" + b"x" * 5000,
        b"0\r\n x: y\r\n",
        b"0\r\n" + b"x: y\r\n" * 20,
        b"1\r\nx\r\n" * 1100,
    ],
)
def test_chunks_that_are_none_are_refused(chunks: bytes) -> None:
    with pytest.raises(Fault) as refused:
        Chunks().have_ended(bytearray(chunks))
    assert refused.value.status == 400
