"""What is seen in the paragraphs of a page, piece by piece. Beside a browser: tests/browser/test_reading.py."""

import pytest

from workers.paragraphs import QUIRKS, Paragraphs


def read(html: str) -> tuple[str, int]:
    """The text, with a bar wherever words end, and how many paragraphs there were."""
    told: list[str] = []
    begun: list[None] = []
    Paragraphs(told.append, lambda: told.append("|"), lambda: begun.append(None)).read(html)
    return "".join(told), len(begun)


@pytest.mark.parametrize(
    ("html", "text", "begun"),
    [
        ("<p>a<b>b</b>c</p>", "|abc|", 1),
        ("<p>a<br>b<p>c", "|a|b|c", 2),
        ("<p>a</div>b", "|ab", 1),
        ("<p>a<script>b</script>c<!-- d -->e", "|ace", 1),
        ("<template><p>a</template><p>b", "|b", 1),
        ("a<p>b</p>c", "|b|", 1),
        # a paragraph ends though something hidden in it is not closed
        *((f"<p>a<{name}>x<p>b", "|a|b", 2) for name in ("video src=x", "meter", "audio", "progress", "datalist")),
        ("<p>a<object>b<div>c<video></object>d", "|ab|c|d", 1),
        ("<p>a<template><div>x<br></template>b", "|ab", 1),
        # an end tag ends what is hidden in its element, and nothing where it has none
        ("<p>a <video></b>x y</video> z", "|a  z", 1),
        ("<p>a<b>b</b><video></b>x</video>c", "|abc", 1),
        ("<p>a<b>b<video>x</b>c", "|abc", 1),
        ("<p><span>a<p>b<video></span>x</video>c", "|a|bc", 2),
        ("<p><b>a<p>b<video>x</b>c", "|a|bc", 2),
        ("<p><span>a<video>x<object></span>x</object>x</span>b", "|ab", 1),
        ("<p><ruby>a<rp>(</ruby>b", "|ab", 1),
        ("<p><a><meter>x<a>d", "|d", 1),
        # what the parser ignores ends no word
        *((f"<p>a<{name}>b", "|ab", 1) for name in ("td", "tr", "th", "tbody", "caption", "col", "/legend", "/option")),
        ("<p>a<form>b<form>c", "|a|", 1),
        ("<form><p>a<form>b", "||ab", 1),
        ("<p>a<svg><tr>b</tr></svg>c", "|abc", 1),
        # and what it takes ends one
        ("<p>a<legend>b</legend>c", "|a|b|c", 1),
        ("<p>a<option>b<option>c</option>d</option>e", "|a|b|c|de", 1),
    ],
)
def test_text_is_told_as_it_comes(html: str, text: str, begun: int) -> None:
    assert read(html) == (text, begun)


@pytest.mark.parametrize(
    ("doctype", "quirks"),
    [
        (" html", False),
        ("HTML", False),
        ("", True),
        (" svg", True),
        (' html PUBLIC "-//W3C//DTD HTML 4.01//EN"', False),
        (' HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN"', True),
        (' HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd"', False),
        (' html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "x"', False),
        (' html PUBLIC "-//W3C//DTD HTML 3.2 Final//EN"', True),
        (' html PUBLIC "-//IETF//DTD HTML//EN"', True),
    ],
)
def test_old_doctypes_leave_a_table_in_its_paragraph(doctype: str, quirks: bool) -> None:
    assert (QUIRKS.match(doctype) is not None) == quirks
    assert read(f"<!doctype{doctype}><p>a<table><td>b")[0].endswith("b") == quirks
