"""Counting words: of a page in hand, and of one that a worker fetches."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from redis import Redis

from tests.conftest import DEADLINE, Processes, ended, until
from tests.ears import Ears
from workers.channel import Channel, Gap
from workers.errors import BadArguments
from workers.jobs.words import count_page
from workers.queue import Jobs
from workers.wire import JobState, Status, Update, decode_state


@pytest.mark.parametrize(
    ("html", "top"),
    [
        ("<p>one two one</p>", [["one", 2], ["two", 1]]),
        ("<p>One one ONE</p>", [["One", 1], ["one", 1], ["ONE", 1]]),
        # by count, then by who came first
        ("<p>c b a</p><p>a b</p>", [["b", 2], ["a", 2], ["c", 1]]),
        ("<p>it's well-known, isn't it?</p>", [["it's", 1], ["well-known,", 1], ["isn't", 1], ["it?", 1]]),
        ("<p>one\n\ttwo&nbsp;three\u2003four</p>", [["one", 1], ["two", 1], ["three", 1], ["four", 1]]),
        # a <p> that nobody closed ends where the next one begins
        ("<p>one<p>two<p>one", [["one", 2], ["two", 1]]),
        ("<p>one<div>two</div>", [["one", 1]]),
        ("<div><p>one <b>two <i>three</i></b></p></div>", [["one", 1], ["two", 1], ["three", 1]]),
        ("<p>un<b>believ</b>able</p>", [["unbelievable", 1]]),
        ("<h1>no</h1><p>one</p>no<ul><li>no</li></ul>", [["one", 1]]),
        ("<p>one<!-- no --><script>no()</script><style>no {}</style></p>", [["one", 1]]),
        ("<P CLASS=x>one</P>", [["one", 1]]),
        ("<p>&lt;one&gt; &amp; &eacute;</p>", [["<one>", 1], ["&", 1], ["é", 1]]),
        # a line break parts words, and so does what begins a line of its own
        ("<p>one<br>two</p>", [["one", 1], ["two", 1]]),
        ("<p>one<button>two<div>three</div></button></p>", [["onetwo", 1], ["three", 1]]),
        ("<p>one<br/>two<!-- a --><hr>three", [["one", 1], ["two", 1]]),
        # each text once, however many paragraphs it lies in
        ("<p>one<object><p>two</p></object>", [["one", 1], ["two", 1]]),
        ("<p><font color=red>one" * 3, [["one", 3]]),
        ("<p></p><p> </p>", []),
        ("no paragraph", []),
        ("", []),
    ],
)
def test_the_words_of_all_paragraphs_are_counted(html: str, top: list[list[Any]]) -> None:
    found = count_page(html)
    assert found == {
        "words": sum(count for _, count in top),
        "unique": len(top),
        "top": top,
        "title": None,
        "bytes": len(html.encode()),
    }


def test_the_top_are_twenty_and_the_sums_are_of_all() -> None:
    words = [f"w{number}" for number in range(30)]
    found = count_page(f"<p>{' '.join(words)}</p><p>{' '.join(words[5:])}</p>")
    assert (found["words"], found["unique"]) == (55, 30)
    assert found["top"] == [[word, 2] for word in words[5:25]]


@pytest.mark.parametrize(
    ("head", "title"),
    [
        (
            "<svg><title>no</title></svg><template><title>no</title></template><title>One</title><title>no</title>",
            "One",
        ),
        ("<title>A <b>page</b></title>", "A <b>page</b>"),
        ("<title>A page</title>", "A page"),
        ("<title>\n  A\n  page &amp; more </title>", "A page & more"),
        ("<title> </title>", None),
        ("", None),
    ],
)
def test_the_title_is_told_where_there_is_one(head: str, title: str | None) -> None:
    assert count_page(f"<html><head>{head}</head><p>one</p>")["title"] == title


@pytest.mark.parametrize(
    ("html", "words", "unique"),
    [
        ("<p><font color=red>w" * 60_000, 60_000, 1),
        ("<div>" * 50_000 + "<p>one" + "</section>" * 50_000 + "two", 1, 1),
        ("<p>" + "<b>x</b>" * 100_000, 1, 1),
        ("<p>" + "word &amp; " * 100_000, 200_000, 2),
        ("<p>one <a" + " a" * 500_000 + ">two", 2, 2),
        ('<a "' * 100_000 + "<p>no", 0, 0),
        ("<" * 300_000 + "<p>one", 1, 1),
        ("<p>one<!--" + "--!" * 100_000, 1, 1),
        ("<div>" * 20_000 + "<li><b>x</li><p>one" * 20_000, 20_000, 1),
        ("<p><svg>" + "<g>" * 20_000 + "</x>" * 20_000 + "one", 1, 1),
    ],
)
def test_odd_pages_are_counted_as_well(html: str, words: int, unique: int) -> None:
    """Each of these is quadratic in one parser or another."""
    found = count_page(html)
    assert (found["words"], found["unique"]) == (words, unique)


@pytest.mark.parametrize("html", ["<p>one</p>", "<p>Grüße</p>", "<p>日本</p>"])
def test_bytes_are_bytes_and_not_characters(html: str) -> None:
    assert count_page(html)["bytes"] == len(html.encode())


@pytest.mark.parametrize("args", [{}, {"url": 1}, {"url": None}, {"url": "http://a.test/", "more": 1}])
def test_count_words_takes_one_url(args: dict[str, Any], jobs: Jobs) -> None:
    task = jobs.tasks.get("count_words")
    assert task.queue == "default"
    with pytest.raises(BadArguments):
        task.parse(args)


# -- as a job

PARAGRAPHS = 40
PAGE = ("<title>Words</title>" + "<p>Grüße to all" * PARAGRAPHS).encode()


class Halting(BaseHTTPRequestHandler):
    """Serves PAGE: the half of it at once, the rest when the test has seen that."""

    seen: threading.Event

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE[:100])
        self.seen.wait(DEADLINE)
        self.wfile.write(PAGE[100:])

    def log_message(self, format: str, *args: Any) -> None:
        pass  # nobody reads it


@pytest.fixture
def site() -> Iterator[str]:
    Halting.seen = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Halting) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        Halting.seen.set()
        server.shutdown()


@pytest.fixture
def told(redis: Redis, ears: Ears) -> list[JobState]:
    """Every state that is published from now on."""
    states: list[JobState] = []
    subscribed = threading.Event()

    def listen() -> None:
        for said in Channel(ears.connect()).listen():
            if isinstance(said, Gap):
                subscribed.set()
                continue
            states.extend(decode_state(one.body) for one in said if isinstance(one, Update) and not one.gone)

    ears.start(listen)
    assert subscribed.wait(DEADLINE)
    return states


def test_a_page_is_fetched_and_counted_by_a_worker(
    site: str, told: list[JobState], jobs: Jobs, processes: Processes
) -> None:
    processes.worker()
    id = jobs.submit("count_words", {"url": site}, owner="me").state.id
    until(lambda: any(state.unit == "B" for state in list(told)), "a first report of the download")
    Halting.seen.set()
    state = ended(jobs, id).state
    assert (state.status, state.error) == (Status.FINISHED, None)
    assert state.result == {
        "words": 3 * PARAGRAPHS,
        "unique": 3,
        "top": [["Grüße", PARAGRAPHS], ["to", PARAGRAPHS], ["all", PARAGRAPHS]],
        "title": "Words",
        "bytes": len(PAGE),
    }
    until(lambda: told[-1].ended, "the end")
    phases = list(dict.fromkeys(state.unit for state in told if state.unit))
    assert phases == ["B", "paragraphs"]
    downloading = [state for state in told if state.unit == "B"]
    assert {(state.total, state.description) for state in downloading} == {(len(PAGE), "Downloading")}
    assert (told[-1].completed, told[-1].total, told[-1].description) == (PARAGRAPHS, PARAGRAPHS, "Counting words")


def test_a_page_that_may_not_be_fetched_is_a_failed_job(site: str, jobs: Jobs, processes: Processes) -> None:
    processes.start("-m", "workers.main", "worker", "--queue", "default", HEADWAY_ALLOW_PRIVATE_FETCH="")
    state = ended(jobs, jobs.submit("count_words", {"url": site}, owner="me").state.id).state
    assert state.status == Status.FAILED
    assert state.error is not None and state.error["type"] == "FetchError"
    assert "expected a public address" in state.error["message"]
