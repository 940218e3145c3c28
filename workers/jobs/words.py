"""Count the words of a web page."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from workers import context
from workers.fetch import fetch
from workers.paragraphs import BEGINS, Paragraphs
from workers.progress import progress
from workers.tasks import task
from workers.xhtml import XhtmlParagraphs

TOP = 20  # words
HELD = 64 * 1024  # characters, before their words are counted; a word that goes on is held until its end
SLICE = re.compile(r"(?s).{1,65536}\S*")  # what is split at a time: a word is many times as large in a list
TITLE_LIMIT = 10_000  # characters


@task(timeout=300, fetches=True)
def count_words(url: str) -> dict[str, Any]:
    """Count the words in the paragraphs of a web page"""
    page = fetch(
        url,
        allow_private=context.current().settings.allow_private_fetch,
        downloaded=lambda done, total: progress(done, total, "Downloading", unit="B"),
    )
    # those in comments and scripts are counted too, so it may be a little less in the end
    expected = sum(1 for _ in BEGINS.finditer(page.text))
    progress(0, expected, "Counting words", unit="paragraphs")
    words = _Words(lambda done: progress(done, max(done, expected), unit="paragraphs"))
    title = words.read(page.text, xhtml=page.xhtml)
    progress(words.paragraphs, words.paragraphs, unit="paragraphs")
    return {**words.counted(), "title": title, "bytes": page.size}


def count_page(html: str, *, xhtml: bool = False) -> dict[str, Any]:
    """{words, unique, top: [[word, n] x 20], title, bytes} of a page.

    Words are the whitespace-split text that a reader sees in the <p>, case kept, each once; `top` by count, then first
    seen; `bytes` in UTF-8. Raises `NotWellFormed` for XHTML that is no XML.
    """
    words = _Words()
    title = words.read(html, xhtml=xhtml)
    return {**words.counted(), "title": title, "bytes": len(html.encode(errors="replace"))}


class _Words:
    """Counts the words of text that comes in pieces."""

    def __init__(self, told: Callable[[int], None] = lambda done: None) -> None:
        self.paragraphs = 0
        self._told = told
        self._counter: Counter[str] = Counter()
        self._pieces: list[str] = []
        self._size = 0
        self._held = HELD  # what may be held now: a word that is long already may double

    def read(self, text: str, *, xhtml: bool) -> str | None:
        """The page's title, and all its words counted."""
        reader = (XhtmlParagraphs if xhtml else Paragraphs)(self._add, self._apart, self._begun)
        reader.read(text)
        self._apart()
        self._count()
        title = " ".join((reader.title or "")[:TITLE_LIMIT].split())
        return title or None

    def counted(self) -> dict[str, Any]:
        # most_common is stable: among equals, first seen comes first
        return {
            "words": self._counter.total(),
            "unique": len(self._counter),
            "top": [[word, count] for word, count in self._counter.most_common(TOP)],
        }

    def _begun(self) -> None:
        self.paragraphs += 1
        self._told(self.paragraphs)

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text) + 1
        if self._size > self._held:
            self._count()

    def _apart(self) -> None:
        self._pieces.append(" ")

    def _count(self) -> None:
        """Count what is held, but for a last word that may go on."""
        text = "".join(self._pieces)
        last = ""
        if text and not text[-1].isspace():
            *before, last = text.rsplit(None, 1)
            text = "".join(before)
        for piece in SLICE.finditer(text):
            self._counter.update(piece[0].split())
        self._pieces, self._size = [last], len(last)
        self._held = max(HELD, 2 * len(last))
