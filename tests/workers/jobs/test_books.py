"""Reading the pages of books: in both layouts, in pieces, and by a worker."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from redis import Redis

from tests.conftest import Processes, ended
from workers.errors import BadArguments, HeadwayError
from workers.jobs.books import NotABook, is_book_url, load_book, read_book_page
from workers.queue import Jobs
from workers.wire import Status

THIRTY_DAYS = 30 * 24 * 3600  # seconds

OLD = """
<h1 id="bookTitle" itemprop="name">
  The Left Hand
  of Darkness
</h1>
<a class="authorName" href="/a/874602"><span itemprop="name">Ursula K. Le Guin</span></a>
<a class="authorName" href="/a/2"><span itemprop="name">A Translator</span></a>
<span itemprop="ratingValue"> 4.12 </span>
<div id="description">{description}</div>
"""
WHOLE = '<span id="freeText1">A lone…</span><span id="freeText2" style="display:none">A lone <i>envoy</i>, sent.</span>'

LINKED = {
    "@context": "https://schema.org",
    "@type": "Book",
    "name": "Cats &amp; Dogs",
    "author": [{"@type": "Person", "name": "A. Writer"}, {"@type": "Person", "name": "B. Writer"}],
    "aggregateRating": {"@type": "AggregateRating", "ratingValue": 4.07, "ratingCount": 3},
}
NEW = """
<h1 data-testid="bookTitle" aria-label="Book title: Cats">Cats &amp; Dogs</h1>
<span class="ContributorLink__name" data-testid="name">A. Writer</span>
<span class="ContributorLink__name" data-testid="name">B. Writer</span>
<div class="RatingStatistics__rating">4.07</div>
<div data-testid="description"><span class="Formatted">First.<br><br>Second <b>bold</b>.</span></div>
"""


def linked(data: Any) -> str:
    text = data if isinstance(data, str) else json.dumps(data)
    return f'<script type="application/ld+json">{text}</script>'


def book(**fields: Any) -> dict[str, Any]:
    return {"title": None, "author": None, "rating": None, "description": None, **fields}


LEFT_HAND = {"title": "The Left Hand of Darkness", "author": "Ursula K. Le Guin", "rating": 4.12}
CATS = {"title": "Cats & Dogs", "author": "A. Writer", "rating": 4.07}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (OLD.format(description=WHOLE), book(**LEFT_HAND, description="A lone envoy, sent.")),
        (OLD.format(description="<span>All of it.</span>"), book(**LEFT_HAND, description="All of it.")),
        (OLD.format(description="All of it."), book(**LEFT_HAND, description="All of it.")),
        (OLD.format(description=" <span> </span> "), book(**LEFT_HAND)),
        (NEW, book(**CATS, description="First. Second bold.")),
        (linked(LINKED), book(**CATS)),
        (linked({**LINKED, "description": "Of  both."}), book(**CATS, description="Of both.")),
        (NEW + linked(LINKED), book(**CATS, description="First. Second bold.")),
        (linked([{"@type": "WebPage", "name": "no"}, LINKED]), book(**CATS)),
        (linked({"@graph": [{"@type": "WebPage", "name": "no"}, LINKED]}), book(**CATS)),
        (linked({"@type": "WebPage", "name": "no"}) + linked(LINKED), book(**CATS)),
        (linked({**LINKED, "@type": ["Product", "Book"]}), book(**CATS)),
        (linked({**LINKED, "author": {"name": "A. Writer"}}), book(**CATS)),
        (linked({**LINKED, "author": "A. Writer"}), book(**CATS)),
        (linked({**LINKED, "aggregateRating": {"ratingValue": "4,07"}}), book(**CATS)),
    ],
)
def test_a_book_is_read_in_the_old_layout_and_in_todays(html: str, expected: dict[str, Any]) -> None:
    assert read_book_page(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<h1 id="bookTitle">T</h1>', book(title="T")),
        ('<h1 data-testid="bookTitle">T</h1>', book(title="T")),
        (linked({"@type": "Book", "name": "T"}), book(title="T")),
        (linked({"@type": "Book", "name": "T", "author": [], "aggregateRating": []}), book(title="T")),
        (linked({"@type": "Book", "name": "T", "author": 5, "aggregateRating": {}}), book(title="T")),
        ('<h1 id="bookTitle">T</h1><span itemprop="ratingValue">none yet</span>', book(title="T")),
        # JSON, and so the job's result, has no form for it
        ('<h1 id="bookTitle">T</h1><span itemprop="ratingValue">NaN</span>', book(title="T")),
        (linked({"@type": "Book", "name": "T", "aggregateRating": {"ratingValue": "inf"}}), book(title="T")),
    ],
)
def test_a_field_that_the_page_lacks_is_none(html: str, expected: dict[str, Any]) -> None:
    assert read_book_page(html) == expected


def test_a_rating_is_a_float_even_where_it_is_whole() -> None:
    rating = read_book_page(linked({"@type": "Book", "name": "T", "aggregateRating": {"ratingValue": 4}}))["rating"]
    assert (rating, type(rating)) == (4.0, float)


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "",
        "not JSON",
        "null",
        "5",
        '"Book"',
        "[null, 5, []]",
        '{"@graph": null}',
        '{"@graph": 5}',
        '{"@type": null}',
        '{"@type": "Book", "name": ["T"]}',
        "[" * 100_000,
    ],
)
def test_broken_linked_data_is_survived(broken: str) -> None:
    assert read_book_page(linked(broken) + NEW) == book(**CATS, description="First. Second bold.")


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<h1>Page not found</h1>",
        "<title>Sign in</title><p>Sign in to read on</p>",
        '<h1 id="bookTitle"> </h1>',
        linked({"@type": "Person", "name": "A. Writer"}),
        linked({"@type": "Book", "author": "A. Writer"}),
    ],
)
def test_a_page_that_is_no_book_is_an_error_that_says_so(html: str) -> None:
    with pytest.raises(NotABook, match="book"):
        read_book_page(html)
    assert issubclass(NotABook, HeadwayError)


PREFIX = "https://www.goodreads.com/book/show/"


@pytest.mark.parametrize(
    "url", ["18423", "18423.The_Left_Hand", "18423?from=search", "18423#reviews", "18423/..reviews", "a..b"]
)
def test_what_lies_under_the_prefix_is_a_books_address(url: str) -> None:
    assert is_book_url(PREFIX + url, PREFIX)


@pytest.mark.parametrize(
    "url",
    [
        PREFIX,
        "https://www.goodreads.com/author/show/1",
        "http://www.goodreads.com/book/show/1",
        "https://www.goodreads.com.evil.test/book/show/1",
        "https://evil.test/?u=" + PREFIX + "1",
        " " + PREFIX + "1",
        PREFIX + "..",
        PREFIX + "../../user/sign_out",
        PREFIX + "1/../../../user/sign_out",
        PREFIX + "%2e%2e/%2E%2E/user/sign_out",
        PREFIX + ".%2e/user",
        PREFIX + "..\\..\\user",
        PREFIX + ".\t./user",
        "",
        None,
        5,
        [PREFIX + "1"],
    ],
)
def test_what_does_not_or_climbs_out_of_it_is_none(url: Any) -> None:
    assert not is_book_url(url, PREFIX)


@pytest.mark.parametrize("args", [{}, {"url": ""}, {"url": None}, {"url": 5}, {"url": "x" * 2049}])
def test_parse_book_takes_one_url_and_waits_on_its_own_queue(args: dict[str, Any], jobs: Jobs) -> None:
    task = jobs.tasks.get("parse_book")
    assert task.queue == "bookInfoParser"
    with pytest.raises(BadArguments):
        task.parse(args)


# -- as a job


class Shelf(BaseHTTPRequestHandler):
    """One book; every other page is none."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((NEW if self.path.startswith("/book/show/1") else "<p>Not found").encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass  # nobody reads it


@pytest.fixture
def prefix(processes: Processes) -> Iterator[str]:
    """Where books are served, and a worker that reads them there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        prefix = f"http://127.0.0.1:{server.server_port}/book/show/"
        processes.start("-m", "workers.main", "worker", "--queue", "bookInfoParser", HEADWAY_BOOKS_URL=prefix)
        yield prefix
        server.shutdown()


def test_a_book_is_read_by_a_worker_and_kept_for_30_days(prefix: str, jobs: Jobs, redis: Redis) -> None:
    expected = book(**CATS, description="First. Second bold.")
    assert load_book(redis, prefix + "1") is None
    state = ended(jobs, jobs.submit("parse_book", {"url": prefix + "1?from=search"}, owner="me").state.id).state
    assert (state.status, state.queue, state.error) == (Status.FINISHED, "bookInfoParser", None)
    assert state.result == expected
    assert (state.completed, state.total, state.description) == (1, 1, "Parsing")
    # the query makes no other book
    assert load_book(redis, prefix + "1") == load_book(redis, prefix + "1?ref=x#y") == expected
    assert load_book(redis, prefix + "12") is None
    kept = [key for key in redis.scan_iter("*") if b"book/show" in key]
    assert len(kept) == 1
    assert json.loads(cast(bytes, redis.get(kept[0]))) == expected
    assert THIRTY_DAYS - 60 < redis.ttl(kept[0]) <= THIRTY_DAYS


@pytest.mark.parametrize("path", ["2", "../user", "../../book/show/1"])
def test_a_page_that_is_no_book_is_a_failed_job_and_not_kept(path: str, prefix: str, jobs: Jobs, redis: Redis) -> None:
    state = ended(jobs, jobs.submit("parse_book", {"url": prefix + path}, owner="me").state.id).state
    assert (state.status, state.result) == (Status.FAILED, None)
    assert state.error is not None and state.error["type"] == "NotABook"
    assert load_book(redis, prefix + path) is None
