"""Books that a worker reads and keeps."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from redis import Redis

from tests.conftest import Processes, ended
from workers.errors import BadArguments
from workers.jobs.books import is_book_url, keep_book, load_book
from workers.queue import Jobs
from workers.wire import Status

THIRTY_DAYS = 30 * 24 * 3600  # seconds

NEW = """
<h1 data-testid="bookTitle" aria-label="Book title: Cats">Cats &amp; Dogs</h1>
<span class="ContributorLink__name" data-testid="name">A. Writer</span>
<div class="RatingStatistics__rating">4.07</div>
<div data-testid="description"><span class="Formatted">First.<br><br>Second <b>bold</b>.</span></div>
"""
CATS = {"title": "Cats & Dogs", "author": "A. Writer", "rating": 4.07, "description": "First. Second bold."}

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
    expected = CATS
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


def test_a_kept_book_is_replaced_by_one_that_lacks_nothing_of_it(redis: Redis) -> None:
    url = PREFIX + "1"
    poor: dict[str, Any] = {**CATS, "rating": None, "description": None}
    for book, kept in (
        (poor, poor),
        ({**poor, "author": None}, poor),
        (CATS, CATS),
        (poor, CATS),
        ({**CATS, "author": None, "rating": 4.5}, CATS),
        ({**CATS, "rating": 4.5}, {**CATS, "rating": 4.5}),
    ):
        keep_book(redis, url, book)
        assert load_book(redis, url) == kept
