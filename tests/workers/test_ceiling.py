"""The ceiling of a job's memory."""

import gzip
import resource
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Processes, ended
from tests.workers.test_fetch import HTML, Site, page
from workers.ceiling import MARGIN, MIB, under
from workers.errors import TooMuchMemory
from workers.jobs.words import count_page
from workers.queue import Jobs
from workers.wire import Status

SENTENCE = r"^This job needed more memory than HEADWAY_JOB_MEMORY allows \(256 MiB\)$"


def apart(function: Callable[..., Any], *args: Any) -> Any:
    """What it returns in a process that is forked for it, as a horse is."""
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        return pool.submit(function, *args).result()


def take(mib: int) -> int:
    return len(bytearray(mib * MIB))


def fail(message: str) -> None:
    raise KeyError(message)


def test_what_fits_is_done() -> None:
    assert apart(under, 256 * MIB, take, 50) == 50 * MIB
    assert apart(under, 0, take, 300) == 300 * MIB
    assert apart(partial(under, 256 * MIB, int, "ff", base=16)) == 255


def test_what_does_not_fit_fails_with_a_sentence() -> None:
    with pytest.raises(TooMuchMemory, match=SENTENCE):
        apart(under, 256 * MIB, take, 300)


def test_who_came_close_may_have_been_refused_something() -> None:
    with pytest.raises(TooMuchMemory, match=SENTENCE):
        apart(under, 256 * MIB, take, 200)


def test_its_own_errors_go_on_as_they_are() -> None:
    with pytest.raises(KeyError, match="mine"):
        under(256 * MIB, fail, "mine")


@pytest.mark.parametrize(("function", "given"), [(take, 1), (take, 300), (fail, "mine")])
def test_the_limit_is_off_again(function: Callable[[Any], Any], given: Any) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(TooMuchMemory, KeyError):
        under(256 * MIB, function, given)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert take(300) == 300 * MIB


def test_the_memory_of_threads_counts_as_what_it_is() -> None:
    """Each would set 64 MiB aside that it never uses."""
    assert apart(under, 256 * MIB, take_in_threads, 6) == 6


def take_in_threads(number: int) -> int:
    all_there = threading.Barrier(number)

    def run(_: int) -> int:
        all_there.wait(10)
        return len([bytes(1000) for _ in range(1000)]) // 1000

    with ThreadPoolExecutor(number) as pool:
        return sum(pool.map(run, range(number)))


def test_a_lower_limit_of_the_process_stays() -> None:
    with pytest.raises(TooMuchMemory):
        apart(take_with_a_lower_limit, 300)


def take_with_a_lower_limit(mib: int) -> int:
    before = resource.getrlimit(resource.RLIMIT_AS)
    here = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (here + 200 * MIB, before[1]))
    return int(under(1024 * MIB, take, mib))


@pytest.mark.parametrize("limit", [20, 160, 320])
@pytest.mark.parametrize(
    "html",
    [
        "<p>one</p><script>" + "x" * 20 * MIB + "</script><p>two</p>",
        "<p>" + ("word " * 60 + "</p>\n<p>") * 27_000,
        "<p>" + "word " * 4 * MIB + "</p>",
    ],
    ids=["script", "prose", "paragraph"],
)
def test_half_a_page_never_passes_for_a_whole_one(html: str, limit: int) -> None:
    """Where a parser gets no memory it may leave the rest of the page away, as libxml2 does."""
    try:
        counted = apart(under, limit * MIB, count_page, html)["words"]
    except TooMuchMemory:
        return
    assert limit * MIB > MARGIN
    assert counted == html.count("word") + html.count(">one<") + html.count(">two<")


def test_a_page_that_costs_more_fails_its_job_with_the_sentence_and_the_worker_goes_on(
    jobs: Jobs, processes: Processes
) -> None:
    site = Site()
    processes.worker(HEADWAY_JOB_MEMORY="256mb")
    packed = {**HTML, "Content-Encoding": "gzip"}
    site.answer = page(gzip.compress(b"<p>" + b" ".join(b"%x" % word for word in range(1_500_000)), 1), headers=packed)
    state = ended(jobs, jobs.submit("count_words", {"url": site.url}, owner="me").state.id, within=60).state
    said = "This job needed more memory than HEADWAY_JOB_MEMORY allows (256 MiB)"
    assert (state.status, state.error) == (Status.FAILED, {"type": "TooMuchMemory", "message": said})
    site.answer = page(gzip.compress(b"<p>" + b"word " * 400_000), headers=packed)
    state = ended(jobs, jobs.submit("count_words", {"url": site.url}, owner="me").state.id).state
    assert state.result is not None and state.result["words"] == 400_000
    site.close()
