"""The tokens of a page. Beside a browser: tests/browser/test_reading.py."""

import pytest

from workers.markup import PIECE, Kind, Markup, as_text


def tokens(html: str) -> list[str]:
    marks = {Kind.TEXT: "", Kind.START: "<", Kind.END: "</", Kind.DOCTYPE: "!"}
    return [marks[kind] + value for kind, value in Markup(html)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a<B c='>'>d</B >", ["a", "<b", "d", "</b"]),
        ("<!doctype html><!-- a -->b<!x>c<?y>d", ["!" + " html", "b", "c", "d"]),
        ("<a b=c/>d", ["<a", "d"]),
        ("<a b", []),
        ("<a 'b>c", ["<a", "c"]),
        ("<a b='c>d", []),
        ("a<", ["a", "<"]),
        ("<<<a>", ["<<", "<a"]),
        ("</>a</ b>c</", ["a", "c", "<", "/"]),
        ("a<![CDATA[b]]>c", ["a", "c"]),
    ],
)
def test_a_page_comes_in_tokens(html: str, expected: list[str]) -> None:
    assert tokens(html) == expected


def test_the_attributes_of_a_tag_are_read_where_they_are_wanted() -> None:
    markup = Markup("<A b = '1' C=&lt; b=2 d/>")
    for _ in markup:
        assert markup.attributes() == {"b": "1", "c": "<", "d": ""}
        assert markup.closes_itself()


@pytest.mark.parametrize(
    ("html", "closes"), [("<a/>", True), ("<a b />", True), ("<a b=c/>", False), ("<a b='c'/>", True)]
)
def test_a_slash_in_a_value_closes_nothing(html: str, closes: bool) -> None:
    markup = Markup(html)
    assert [markup.closes_itself() for _ in markup] == [closes]


def test_a_long_text_comes_in_pieces_that_part_neither_words_nor_references() -> None:
    text = "word &amp; " * PIECE
    pieces = tokens(text)
    assert len(pieces) > 5
    assert "".join(pieces) == "word & " * PIECE
    assert all(piece.split()[0] in ("word", "&") and piece.split()[-1] in ("word", "&") for piece in pieces)


@pytest.mark.parametrize(
    ("raw", "text"),
    [("&#" + "0" * 9999 + "65;", "A"), ("&#" + "9" * 9999 + ";", "\ufffd"), ("&#x110000;&notit;", "\ufffd¬it;")],
)
def test_character_references_are_undone(raw: str, text: str) -> None:
    assert as_text(raw) == text
