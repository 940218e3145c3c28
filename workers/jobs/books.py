"""Read what a book's page says of it."""

import html as entities
import json
import math
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from bs4 import BeautifulSoup, Tag
from pydantic import Field
from redis import Redis

from workers import context, records
from workers.errors import HeadwayError
from workers.fetch import fetch
from workers.progress import progress
from workers.tasks import task
from workers.wire import decode, encode

QUEUE = "bookInfoParser"
KEPT = 30 * 24 * 3600  # seconds
URL_LIMIT = 2048  # characters


class NotABook(HeadwayError):
    """The page says of no book what it is called."""


@task(queue=QUEUE, timeout=300, fetches=True)
def parse_book(url: Annotated[str, Field(min_length=1, max_length=URL_LIMIT)]) -> dict[str, Any]:
    """Read title, author, rating and description of a book's page"""
    job = context.current()
    if not is_book_url(url, job.settings.books_url):
        raise NotABook(f"expected a page under {job.settings.books_url}, got {url[:200]!r}")
    page = fetch(
        url,
        allow_private=job.settings.allow_private_fetch,
        downloaded=lambda done, total: progress(done, total, "Downloading", unit="B"),
    )
    progress(0, 1, "Parsing", unit="page")
    book = read_book_page(page.text)
    job.redis.set(_key(url), encode(book), ex=KEPT)
    progress(1, 1, unit="page")
    return book


def is_book_url(url: Any, prefix: str) -> bool:
    if not isinstance(url, str) or len(url) > URL_LIMIT or not url.isprintable():  # no lone surrogate is printable
        return False
    return url.startswith(prefix) and len(url) > len(prefix) and not _climbs(url)


def _climbs(url: str) -> bool:
    """Whether the path walks back out of the prefix."""
    path = urlsplit(url).path.lower().replace("%2e", ".")
    return ".." in path.replace("\\", "/").split("/")


def load_book(redis: Redis, url: str) -> dict[str, Any] | None:
    """What `parse_book` has kept of this book; None where it has not been read in the last 30 days."""
    kept = records.ask(lambda: redis.get(_key(url)))
    try:
        book = decode(kept or b"null")
    except (ValueError, RecursionError) as error:
        records.say(_key(url), str(error))
        return None
    return book if isinstance(book, dict) else None


def _key(url: str) -> str:
    # query and fragment don't make another book
    return "headway:book:" + urlunsplit((*urlsplit(url)[:3], "", ""))


def read_book_page(html: str) -> dict[str, Any]:
    """{title, author, rating, description} of a book's page, in the layout of the tutorials' days or of today.

    A field that the page doesn't have is None. Raises `NotABook` where there is no title.
    """
    soup = BeautifulSoup(html, "lxml")
    linked = _linked_book(soup)
    book = {
        "title": _text(soup.select_one("h1#bookTitle, [data-testid=bookTitle]")) or _string(linked.get("name")),
        "author": _text(soup.select_one("a.authorName span, [data-testid=name], [data-testid=authorName]"))
        or _author(linked),
        "rating": _rating(soup, linked),
        "description": _description(soup) or _string(linked.get("description")),
    }
    if book["title"] is None:
        raise NotABook("expected the page of a book, got one without a book's title")
    return book


def _text(element: Tag | None) -> str | None:
    if element is None:
        return None
    # a line break parts words, other markup doesn't: "He <i>said</i>, <br>yes"
    for part in element.find_all(["br", "p", "div", "li"]):
        part.insert_before(" ")
        part.insert_after(" ")
    return " ".join(element.get_text().split()) or None


def _string(value: Any) -> str | None:
    return " ".join(entities.unescape(value).split()) or None if isinstance(value, str) else None


def _linked_book(soup: BeautifulSoup) -> dict[str, Any]:
    """The JSON-LD Book of the page (https://schema.org/Book), or {}."""
    for script in soup.select('script[type="application/ld+json"]'):
        try:
            data = json.loads(script.get_text())
        except (ValueError, RecursionError):
            continue  # broken data in the page: the next script, or the layout itself, may know more
        graph = data.get("@graph") if isinstance(data, dict) else data
        for item in graph if isinstance(graph, list) else [data]:
            types = item.get("@type") if isinstance(item, dict) else None
            if types == "Book" or (isinstance(types, list) and "Book" in types):
                return dict(item)
    return {}


def _author(linked: dict[str, Any]) -> str | None:
    author = linked.get("author")
    first = author[0] if isinstance(author, list) and author else author
    return _string(first.get("name")) if isinstance(first, dict) else _string(first)


def _rating(soup: BeautifulSoup, linked: dict[str, Any]) -> float | None:
    rated = linked.get("aggregateRating")
    candidates = [
        _text(soup.select_one("[itemprop=ratingValue]")),
        rated.get("ratingValue") if isinstance(rated, dict) else None,
        _text(soup.select_one("[data-testid=ratingValue], .RatingStatistics__rating")),
    ]
    for candidate in candidates:
        try:
            rating = float(str(candidate).replace(",", "."))
        except ValueError:
            continue  # not a number: the next place may have one
        if math.isfinite(rating):  # JSON has no NaN
            return rating
    return None


def _description(soup: BeautifulSoup) -> str | None:
    old = soup.select_one("#description")
    if old is None:
        return _text(soup.select_one("[data-testid=description]"))
    # the old layout cuts the text in a first span and hides the whole in a second one
    spans = old.find_all("span", recursive=False)
    return _text(spans[-1] if spans else old)
