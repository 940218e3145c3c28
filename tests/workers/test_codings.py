"""Unpacking a body in pieces. Of real servers: tests/workers/test_fetch.py."""

import bz2
import gzip
import lzma
import random
import zlib

import pytest

from workers.codings import CHUNK, unpacked
from workers.errors import FetchError


@pytest.mark.parametrize("length", [1, 2, 7, 1000])
def test_a_body_may_come_in_pieces_of_any_length(length: int) -> None:
    packed = gzip.compress(gzip.compress(b"<p>one" * 1000)) + gzip.compress(b"")
    pieces = [packed[at : at + length] for at in range(0, len(packed), length)]
    assert b"".join(unpacked(pieces, "gzip, gzip")) == b"<p>one" * 1000


def test_a_bomb_comes_in_small_pieces() -> None:
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)))
    sizes = [len(piece) for piece, _ in zip(unpacked([bomb], "gzip, gzip"), range(100), strict=False)]
    assert max(sizes) <= CHUNK


@pytest.mark.parametrize("coding", ["br", "gzip, br", "utf-8", "*"])
def test_a_coding_that_nobody_asked_for_is_refused_before_a_byte_is_read(coding: str) -> None:
    with pytest.raises(FetchError, match="gzip or deflate"):
        unpacked(iter(()), coding)


PAGE = "".join(f"<p>{number}" for number in random.Random(1).choices(range(10_000), k=2000)).encode()
PACKED = {
    **{f"deflate {level}": zlib.compress(PAGE, level) for level in (0, 1, 3, 6, 9)},
    "deflate short": zlib.compress(b"<p>one"),
    "gzip": gzip.compress(PAGE),
    "bzip2": bz2.compress(PAGE),
    "xz": lzma.compress(PAGE),
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(9),
    "lz4": b"\x04\x22\x4d\x18" + bytes(9),
}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("length", [1, 100_000])
def test_packed_data_that_no_header_names_are_no_page(coding: str, length: int) -> None:
    data = PACKED[coding]
    with pytest.raises(FetchError, match=f"got {coding.split()[0]} data without a Content-Encoding"):
        list(unpacked([data[at : at + length] for at in range(0, len(data), length)], ""))


@pytest.mark.parametrize("page", ["x", "x^2 + 1", "x^c" + "abc" * 900, "x^ca\xe9 is a text" * 90, "x\x01\x9c", ""])
def test_a_text_that_only_begins_like_packed_data_is_a_page(page: str) -> None:
    assert b"".join(unpacked([page.encode()], "")) == page.encode()
