"""Read what a book's page says of it."""

from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field
from redis import Redis
from redis.client import Pipeline

from workers import context, records
from workers.book_page import NotABook, read_book_page
from workers.fetch import fetch
from workers.progress import progress
from workers.tasks import task
from workers.wire import decode, encode

QUEUE = "bookInfoParser"
KEPT = 30 * 24 * 3600  # seconds
URL_LIMIT = 2048  # characters


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
    keep_book(job.redis, url, book)
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


def keep_book(redis: Redis, url: str, book: dict[str, Any]) -> None:
    """Keep it for 30 days, unless a book is kept that has a field which this one lacks: a page may be half a page."""

    def keep(pipeline: Pipeline) -> None:
        kept = load_book(redis, url) or {}
        pipeline.multi()
        if all(value is not None or kept.get(field) is None for field, value in book.items()):
            pipeline.set(_key(url), encode(book), ex=KEPT)

    redis.transaction(keep, _key(url))


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
