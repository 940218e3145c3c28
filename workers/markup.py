"""HTML as the tokens of the standard (html.spec.whatwg.org, 13.2.5), one after the other and in linear time.

It knows nothing of elements: the reader of the tokens says which start tags begin raw text, and where CDATA may stand.
Own code, since no parser on PyPI gives tokens without a tree that grows with the page.
"""

import html as entities
import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

PIECE: Final = 64 * 1024  # characters; a text comes in pieces of about that many
# a piece ends before white space, "&" or "<": no word's middle and no character reference is cut, unless it is as long
TEXT = re.compile(rf"[^<]{{1,{PIECE}}}[^\t\n\f\r &<]*")
# a tag without quotes ends at the next ">"
PLAIN_TAG = re.compile(r"<(/?)([A-Za-z][^\t\n\f\r />]*)[^>\"']*>")
TAG_NAME = re.compile(r"<(/?)([A-Za-z][^\t\n\f\r />]*)")
ATTRIBUTE = re.compile(
    r"[\t\n\f\r /]*([^\t\n\f\r />][^\t\n\f\r />=]*)?"
    r"(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)(?:\"|\Z)|'([^']*)(?:'|\Z)|([^\t\n\f\r >]*)))?"
)
LESS_THAN = re.compile("<+(?=<)|<")
COMMENT_END = re.compile("--!?>")
# "<!-- <script> </script> -->" is one script: 13.2.5.17 to 31
SCRIPT_PART = re.compile(r"<!--(?:-?>)?|-->|</?script(?=[\t\n\f\r />])", re.IGNORECASE)
LEADING_ZEROS = re.compile("&#([xX]?)0+(?=[0-9a-fA-F])")
HUGE_NUMBER = re.compile("&#(?:[xX][0-9a-fA-F]{7,}|[0-9]{8,});?")


class Kind(IntEnum):
    TEXT = 0  # its character references undone
    START = 1  # the value is the tag's name, in lower case
    END = 2
    DOCTYPE = 3  # the value is what stands in it


class Markup:
    """The tokens of a page. Iterate over it, and use the methods for the tag that came last."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._at = 0
        self._attributes_at = 0
        self.cdata = False  # whether the current node is foreign, so that <![CDATA[ ]]> is text

    def __iter__(self) -> Iterator[tuple[Kind, str]]:
        html, end = self._html, len(self._html)
        text, tag, start_tag, end_tag = Kind.TEXT, PLAIN_TAG.match, Kind.START, Kind.END
        while self._at < end:
            if html[self._at] != "<":
                found = TEXT.match(html, self._at)
                assert found is not None, "there is a character other than <"
                self._at = found.end()
                yield text, as_text(found[0])
            elif found := tag(html, self._at):
                self._at = found.end()
                self._attributes_at = found.end(2)
                yield (end_tag if found[1] else start_tag), found[2].lower()
            elif token := self._quoted_tag() or self._declaration():
                yield token

    def attributes(self) -> dict[str, str]:
        """Those of the tag that came last, their character references undone."""
        found, _ = attributes_at(self._html, self._attributes_at)
        return {name: as_text(value) for name, value in found.items()}

    def closes_itself(self) -> bool:
        """Whether the tag that came last ends in "/>", with the slash outside of a value."""
        if self._html[self._at - 2] != "/":
            return False
        position = self._attributes_at
        while self._html[position] != ">":
            found = ATTRIBUTE.match(self._html, position)
            assert found is not None, "all of it is optional"
            if found.end() == self._at - 1:
                return found[4] is None or not found[4].endswith("/")
            position = found.end()
        return True

    def raw_text(self, name: str) -> str:
        """What stands between the start tag `name` that came last and its end tag, which is taken too."""
        start = self._at
        if name == "plaintext":
            self._at = len(self._html)
            return self._html[start:]
        ends = self._script_end() if name == "script" else self._raw_end(name)
        if ends < 0:
            self._at = len(self._html)
            return self._html[start:]
        self._at = ends
        if self._quoted_tag() is None:
            self._at = len(self._html)  # the page ends within the end tag
        return self._html[start:ends]

    def _raw_end(self, name: str) -> int:
        found = re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE).search(self._html, self._at)
        return found.start() if found else -1

    def _script_end(self) -> int:
        escaped = doubly = False
        for found in SCRIPT_PART.finditer(self._html, self._at):
            part = found[0].lower()
            if part == "<!--":
                escaped = True
            elif part.endswith(">"):
                escaped = doubly = False
            elif part == "<script":
                doubly = escaped
            elif doubly:
                doubly = False
            else:
                return found.start()
        return -1

    def _quoted_tag(self) -> tuple[Kind, str] | None:
        """The tag that stands here; None where none does, or where the page ends within it."""
        found = TAG_NAME.match(self._html, self._at)
        if not found:
            return None
        self._attributes_at = position = found.end()
        end = len(self._html)
        while position < end and self._html[position] != ">":
            attribute = ATTRIBUTE.match(self._html, position)
            assert attribute is not None, "all of it is optional"
            position = attribute.end()
        self._at = min(position + 1, end)
        return (Kind.END if found[1] else Kind.START, found[2].lower()) if position < end else None

    def _declaration(self) -> tuple[Kind, str] | None:
        """What else may begin with "<": comments, a doctype, CDATA, and a "<" that is text."""
        html, start = self._html, self._at
        if start == len(html):
            return None  # the page ended within a tag
        if html.startswith("<!--", start):
            self._comment()
        elif self.cdata and html.startswith("<![CDATA[", start):
            self._end_at("]]>")
            return Kind.TEXT, html[start + 9 : self._at].removesuffix("]]>")
        elif html[start + 1 : start + 2] in ("!", "?") or (html.startswith("</", start) and start + 2 < len(html)):
            self._end_at(">")
            if html[start + 1 : start + 9].lower() == "!doctype":
                return Kind.DOCTYPE, html[start + 9 : self._at].removesuffix(">")
        else:
            self._at = position = LESS_THAN.match(html, start).end()  # type: ignore[union-attr]
            return Kind.TEXT, html[start:position]
        return None

    def _comment(self) -> None:
        begun = self._at + 4
        if self._html.startswith((">", "->"), begun):
            self._end_at(">")
            return
        found = COMMENT_END.search(self._html, begun)
        self._at = found.end() if found else len(self._html)

    def _end_at(self, mark: str) -> None:
        found = self._html.find(mark, self._at)
        self._at = found + len(mark) if found >= 0 else len(self._html)


def attributes_at(text: str, position: int) -> tuple[dict[str, str], int]:
    """The attributes of a tag from there on, and where it ends. Names are in lower case; the first of two counts."""
    attributes: dict[str, str] = {}
    while position < len(text) and text[position] != ">":
        found = ATTRIBUTE.match(text, position)
        assert found is not None, "all of it is optional"
        position = found.end()
        if found[1]:
            attributes.setdefault(found[1].lower(), found[2] or found[3] or found[4] or "")
    return attributes, position


def as_text(raw: str) -> str:
    """The text with its character references undone."""
    if "&" not in raw:
        return raw
    if "&#" in raw:
        # Python would read a number of any length, and refuses one of more than 4,300 digits
        raw = HUGE_NUMBER.sub("\ufffd", LEADING_ZEROS.sub(r"&#\1", raw))
    return entities.unescape(raw)
