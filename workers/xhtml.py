"""What a reader sees in the paragraphs of a page that is sent as XML, which browsers read as XML too."""

from collections.abc import Callable
from html.entities import html5
from typing import Final
from xml.parsers import expat

from workers.elements import BREAKS, HIDDEN, HIDDEN_SVG
from workers.errors import HeadwayError
from workers.paragraphs import HIDDEN_RAW

XHTML: Final = "http://www.w3.org/1999/xhtml "
SVG: Final = "http://www.w3.org/2000/svg "


class NotWellFormed(HeadwayError):
    """A page that is said to be XHTML and is no XML; browsers show an error in its place."""


class XhtmlParagraphs:
    """The same as `Paragraphs`, of XHTML."""

    def __init__(self, text: Callable[[str], None], apart: Callable[[], None], begun: Callable[[], None]) -> None:
        self._text, self._apart, self._begun = text, apart, begun
        self.title: str | None = None
        self._paragraphs = 0  # that are open
        self._hidden = 0  # elements that are open, of which nothing is shown
        self._in_title = False
        self._titled: list[str] = []

    def read(self, html: str) -> None:
        """Raises `NotWellFormed`."""
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.SkippedEntityHandler = self._entity
        parser.EntityDeclHandler = _refuse
        try:
            parser.Parse(html.encode(errors="replace"), True)
        except expat.ExpatError as error:
            raise NotWellFormed(f"expected well-formed XML, as the page's Content-Type says: {error}") from None

    def _start(self, name: str, _: dict[str, str]) -> None:
        local = name.removeprefix(XHTML)
        if local in BREAKS:
            self._apart()
        if _is_hidden(local):
            self._hidden += 1
        if local == "p":
            self._paragraphs += 1
            if not self._hidden:
                self._begun()
        elif local == "title" and self.title is None:
            self._in_title = True

    def _end(self, name: str) -> None:
        local = name.removeprefix(XHTML)
        if local in BREAKS:
            self._apart()
        if _is_hidden(local):
            self._hidden -= 1
        if local == "p":
            self._paragraphs -= 1
        elif local == "title" and self._in_title:
            self._in_title = False
            self.title = "".join(self._titled)

    def _data(self, data: str) -> None:
        if self._in_title:
            self._titled.append(data)
        elif self._paragraphs and not self._hidden:
            self._text(data)

    def _entity(self, name: str, is_parameter: bool) -> None:
        """One that the DTD would name, which browsers know without reading it."""
        if not is_parameter:
            self._data(html5.get(f"{name};", ""))


def _is_hidden(name: str) -> bool:
    if name.startswith(SVG):
        return f"svg {name.removeprefix(SVG)}" in HIDDEN_SVG
    return name in HIDDEN or name in HIDDEN_RAW


def _refuse(name: str, *_: object) -> None:
    raise NotWellFormed(f"expected a page without entities of its own, got {name[:80]!r}")
