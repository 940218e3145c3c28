"""Unpacking a body in pieces. Of real servers: tests/workers/test_fetch.py."""

import gzip

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
