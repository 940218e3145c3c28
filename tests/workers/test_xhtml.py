"""Paragraphs of pages that are XML."""

import pytest

from workers.jobs.words import count_page
from workers.xhtml import NotWellFormed

XMLNS = 'xmlns="http://www.w3.org/1999/xhtml"'
DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<p>one<br/>two</p>", ["one", "two"]),
        ("<p/>no<p>one</p>", ["one"]),
        ("<p>one<div>two</div><p>three</p>four</p>no", ["one", "two", "three", "four"]),
        ("<p>one<![CDATA[ <two> &amp; ]]>three</p>", ["one", "<two>", "&amp;", "three"]),
        ("<p>one<script>no()</script><style/><title/>two</p>", ["onetwo"]),
        ("<p>caf&eacute;&nbsp;au&#32;lait</p>", ["café", "au", "lait"]),
        ("<h:p xmlns:h='http://www.w3.org/1999/xhtml'>one</h:p><x:p xmlns:x='urn:x'>no</x:p>", ["one"]),
        ("<p>one<svg xmlns='http://www.w3.org/2000/svg'><title>no</title><text>two</text></svg></p>", ["onetwo"]),
    ],
)
def test_xhtml_is_read_as_xml(body: str, words: list[str]) -> None:
    head = "<head><title>A&#160;<![CDATA[page]]></title></head>"
    found = count_page(f"{DOCTYPE}<html {XMLNS}>{head}<body>{body}</body></html>", xhtml=True)
    assert (found["top"], found["title"]) == ([[word, 1] for word in words], "A page")


@pytest.mark.parametrize(
    ("xhtml", "sentence"),
    [
        ("<p>one<p>two", "expected well-formed XML, as the page's Content-Type says: no element found"),
        ("<p>one<br></p>", "expected well-formed XML.*mismatched tag"),
        ("", "expected well-formed XML.*no element found"),
        ('<!DOCTYPE p [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><p>&c;</p>', "expected a page without entities of its own"),
    ],
)
def test_xhtml_that_is_no_xml_is_an_error_that_says_so(xhtml: str, sentence: str) -> None:
    with pytest.raises(NotWellFormed, match=sentence):
        count_page(xhtml, xhtml=True)
