"""Count the words of a web page."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from bs4 import BeautifulSoup

from workers import context
from workers.fetch import fetch
from workers.progress import progress, track
from workers.tasks import task

TOP = 20  # words


@task(timeout=300, fetches=True)
def count_words(url: str) -> dict[str, Any]:
    """Count the words in the paragraphs of a web page"""
    page = fetch(
        url,
        allow_private=context.current().settings.allow_private_fetch,
        downloaded=lambda done, total: progress(done, total, "Downloading", unit="B"),
    )
    soup = _parse(page.text)
    paragraphs = soup.find_all("p")
    return {
        **_count(element.get_text() for element in track(paragraphs, "Counting words", unit="paragraphs")),
        "title": _title(soup),
        "bytes": page.size,
    }


def count_page(html: str) -> dict[str, Any]:
    """{words, unique, top: [[word, n] x 20], title, bytes} of a page.

    Words are the whitespace-split text of all <p>, case kept; `top` by count, then first seen; `bytes` in UTF-8.
    """
    soup = _parse(html)
    counted = _count(element.get_text() for element in soup.find_all("p"))
    return {**counted, "title": _title(soup), "bytes": len(html.encode(errors="replace"))}


def _parse(html: str) -> BeautifulSoup:
    # lxml closes a <p> that nobody closed; html.parser would nest the next one into it and count it twice
    return BeautifulSoup(html, "lxml")


def _count(paragraphs: Iterable[str]) -> dict[str, Any]:
    counter = Counter(word for paragraph in paragraphs for word in paragraph.split())
    # most_common is stable: among equals, first seen comes first
    return {
        "words": counter.total(),
        "unique": len(counter),
        "top": [[word, count] for word, count in counter.most_common(TOP)],
    }


def _title(soup: BeautifulSoup) -> str | None:
    return " ".join(soup.title.get_text().split()) or None if soup.title else None
