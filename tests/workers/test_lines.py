"""Lines: what a process prints, however it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.lines import LINE_LIMIT, TAKEN_BACK, Lines


def fed(*chunks: bytes) -> list[str]:
    lines = Lines()
    return [line for chunk in chunks for line in lines.feed(chunk, 0.0)] + lines.end()


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"o", b"n", b"e\nt", b"wo"], ["one", "two"]),
        ([b"\n\n"], ["", ""]),
        ([b"DOS\r\nlines\r", b"\n"], ["DOS", "lines"]),
        ([b"twice\r\r\n"], ["twice"]),
        ([b"10 %\r50 %\r100 %\ndone"], ["10 %", "50 %", "100 %", "done"]),
        ([b"\r10 %", b"\r50 %", b"\r100 %", b"\n"], ["10 %", "50 %", "100 %"]),
        ([b"10 %\r", b"50 %\r"], ["10 %", "50 %"]),
        (["é".encode()[:1], "é\n".encode()[1:]], ["é"]),
        ([b"\xff\n"], ["\ufffd"]),
    ],
)
def test_chunks_become_lines(chunks: list[bytes], expected: list[str]) -> None:
    assert fed(*chunks) == expected


@given(st.lists(st.binary(max_size=9)))
def test_without_carriage_returns_nothing_is_lost(chunks: list[bytes]) -> None:
    chunks = [chunk.replace(b"\r", b"") for chunk in chunks]
    text = b"".join(chunks).decode(errors="replace")
    assert "\n".join(fed(*chunks)) == text.removesuffix("\n")


@given(st.lists(st.sampled_from([b"a", b"b", b"\r", b"\n", b"\r\n"]), max_size=int(TAKEN_BACK)))
def test_where_a_chunk_ends_makes_no_difference(pieces: list[bytes]) -> None:
    assert fed(*pieces) == fed(b"".join(pieces))


def test_of_a_bar_that_moves_quickly_a_few_lines_a_second_are_shown_and_its_end() -> None:
    lines = Lines()
    shown = [lines.feed(b"\r%d of 1000" % number, number / 100) for number in range(1000)]
    moved = [line for given in shown for line in given]
    assert 10 * TAKEN_BACK - 2 <= len(moved) <= 11 * TAKEN_BACK
    assert lines.feed(b"\n", 10.0) == ["999 of 1000"]


def test_a_very_long_line_comes_in_pieces_of_whole_characters() -> None:
    text = "x" + "é" * LINE_LIMIT
    lines = Lines()
    pieces = lines.feed(text.encode(), 0.0)
    assert len(pieces) == 2 and "".join([*pieces, *lines.end()]) == text
