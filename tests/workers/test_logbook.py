"""log() and LogHandler: in the job's process, and through real workers."""

import json
import logging
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq.job import JobStatus

from tests.conftest import Processes, ended, start_redis, until
from tests.workers.small_worker import TASKS
from workers import context, log_lines, store
from workers.context import JobContext
from workers.lifecycle import fetch_job
from workers.log_lines import BYTES_LIMIT, LINES_LIMIT
from workers.logbook import TEXT_LIMIT, Logbook
from workers.progress import LogHandler, Reporter, Sender, log, progress
from workers.queue import Jobs
from workers.settings import Settings
from workers.tasks import Tasks
from workers.wire import Status


def kept(redis: Redis, id: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_lines.read(redis, id)]


def texts(redis: Redis, id: str = "a") -> list[str]:
    return [line["text"] for line in kept(redis, id)]


# -- in the process of a job


@pytest.fixture
def reporter(redis: Redis, settings: Settings) -> Iterator[Reporter]:
    store.transition(redis, "a", {"status": Status.STARTED}, owner="me", fallback={"task": "t", "queue": "q"})
    sender = Sender(settings.redis_url, "a")
    made = Reporter(sender, sender.log)
    with context.entered(JobContext("a", redis, settings, Tasks({}), sender, made)):
        yield made


@pytest.fixture
def logger(reporter: Reporter) -> Iterator[logging.Logger]:
    made = logging.getLogger("tests.logbook")
    handler = LogHandler()
    made.addHandler(handler)
    made.setLevel(logging.DEBUG)
    yield made
    made.removeHandler(handler)


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("not to be shown")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not to be compared")

    __hash__ = None  # type: ignore[assignment]


class Odd(str):
    def __str__(self) -> str:
        return self

    def __len__(self) -> int:
        raise RuntimeError("no length")


def test_outside_of_a_job_it_does_nothing() -> None:
    log("nobody listens")
    LogHandler().handle(logging.makeLogRecord({"msg": "nobody listens", "levelno": logging.INFO}))


def test_lines_come_in_their_order_with_time_level_and_number(reporter: Reporter, redis: Redis) -> None:
    before = time.time_ns() // 1_000_000
    log("one")
    log("two", level="warning")
    lines = until(lambda: len(found := kept(redis, "a")) == 2 and found, "two lines")
    assert [(line["n"], line["attempt"], line["level"], line["text"]) for line in lines] == [
        (1, 1, "info", "one"),
        (2, 1, "warning", "two"),
    ]
    assert before - 1 <= lines[0]["at"] <= lines[1]["at"] <= time.time() * 1000 + 1


def test_a_quiet_jobs_line_goes_out_at_once(reporter: Reporter, redis: Redis) -> None:
    log("first")
    until(lambda: texts(redis) == ["first"], "the line", within=0.1)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a \ud800 lone surrogate", "a � lone surrogate"),
        ("NUL \x00 and ESC \x1b", "NUL \x00 and ESC \x1b"),
        ("a\nb\r\nc\u2028d", "a\nb\r\nc\u2028d"),
        ("</script>'\"\\ ünïcödé 🚀", "</script>'\"\\ ünïcödé 🚀"),
        ("", ""),
        ("x" * 2000, "x" * 2000),
        ("x" * 2001, "x" * 1999 + "…"),
        ("🚀" * 100_000, "🚀" * 1999 + "…"),
        (None, "None"),
        (17, "17"),
        (b"bytes", "b'bytes'"),
        (["x" * 3000], ("['" + "x" * 3000)[:1999] + "…"),
        (Unshowable(), "Unshowable"),
        (Odd("odd"), "odd"),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_whatever_is_logged_becomes_one_line(given: Any, shown: str, reporter: Reporter, redis: Redis) -> None:
    log(given)
    log("and on it goes")
    until(lambda: len(texts(redis)) == 2, "two lines")
    assert texts(redis) == [shown, "and on it goes"]


@pytest.mark.parametrize("level", ["loud", "", None, 30, ["info"], Unshowable(), 'x","n":9,"y":"'])
def test_a_level_that_is_none_is_info(level: Any, reporter: Reporter, redis: Redis) -> None:
    log("text", level=level)
    [line] = until(lambda: kept(redis, "a"), "a line")
    assert (line["n"], line["level"]) == (1, "info")


def test_a_flood_keeps_the_newest_and_counts_the_others(reporter: Reporter, redis: Redis) -> None:
    for number in range(1, 50_001):
        log(f"{number}")
    until(lambda: texts(redis)[-1:] == ["50000"], "the last")
    lines = kept(redis, "a")
    assert 0 < len(lines) <= LINES_LIMIT
    numbers = [line["n"] for line in lines]
    assert numbers == sorted(set(numbers))
    # one may be counted as dropped for which room is being made in that very moment
    assert all(0 <= line["n"] - int(line["text"]) <= 5 for line in lines)


def test_lines_are_sent_ten_times_a_second_at_most(reporter: Reporter, redis: Redis) -> None:
    before = redis.info("commandstats").get("cmdstat_rpush", {"calls": 0})["calls"]
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    while not stop.is_set():
        log("again")
        stop.wait(0.001)
    calls = redis.info("commandstats")["cmdstat_rpush"]["calls"] - before
    assert 3 <= calls <= 11


def test_a_line_alone_sends_no_progress_again(reporter: Reporter, redis: Redis) -> None:
    progress(1, 2)
    until(lambda: (stored := store.load(redis, "a")) and stored.state.completed == 1, "progress")
    before = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    log("a line")
    until(lambda: texts(redis), "the line")
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1


def test_threads_log_together_and_no_line_is_lost(reporter: Reporter, redis: Redis) -> None:
    def work(name: int) -> None:
        for number in range(100):
            log(f"{name} {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: len(texts(redis)) == 800, "all lines")
    for name in range(8):
        assert [text for text in texts(redis) if text.startswith(f"{name} ")] == [f"{name} {n}" for n in range(100)]


def test_the_book_is_bounded_by_lines_and_bytes() -> None:
    book = Logbook()
    for text in ("short", "🚀" * TEXT_LIMIT):
        for _ in range(3 * LINES_LIMIT):
            book.dropped += len(book.waiting) == LINES_LIMIT
            book.waiting.append((1.0, "info", text))
        lines = book.unsent()
        assert len(lines) <= LINES_LIMIT and sum(len(line) for _, line in lines) <= BYTES_LIMIT
    assert lines[-1][0] == 6 * LINES_LIMIT
    assert book.unsent() == lines, "they are the same until they are known to be in Redis"
    book.forget(lines[-2][0])
    assert book.unsent() == lines[-1:] and book
    book.forget(lines[-1][0])
    assert book.unsent() == [] and not book


def answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def test_with_redis_gone_the_job_goes_on_and_the_newest_are_sent_later(
    redis: Redis, settings: Settings, tmp_path: Any
) -> None:
    server, url = start_redis(tmp_path, appendonly="yes", appendfsync="always")
    own = store.connect(url)
    store.transition(own, "a", {"status": Status.STARTED}, fallback={"task": "t", "queue": "q"})
    sender = Sender(url, "a")
    with context.entered(JobContext("a", own, settings, Tasks({}), sender, Reporter(sender, sender.log))):
        log("before")
        until(lambda: texts(own) == ["before"], "the first")
        server.kill()
        server.wait()
        slowest = 0.0
        for number in range(5000):
            began = time.perf_counter()
            log(f"while it is gone {number}")
            slowest = max(slowest, time.perf_counter() - began)
        assert slowest < 0.1
        again = subprocess.Popen(server.args, stdout=subprocess.DEVNULL)
        until(lambda: answers(own), "Redis")
        until(lambda: texts(own)[-1:] == ["while it is gone 4999"], "the newest")
        lines = kept(own, "a")
        assert len(lines) == LINES_LIMIT and lines[-1]["n"] == 5001
    own.close()
    again.terminate()
    again.wait()


# -- Python's logging


def test_records_become_lines_with_level_and_traceback(logger: logging.Logger, redis: Redis) -> None:
    logger.debug("%s and %d", "text", 5)
    logger.log(25, "between two levels")
    try:
        raise ValueError("what went wrong")
    except ValueError:
        logger.exception("it failed")
    logger.critical("the end")
    until(lambda: len(texts(redis)) == 4, "four lines")
    assert [line["level"] for line in kept(redis, "a")] == ["debug", "info", "error", "critical"]
    first, _, failure, _ = texts(redis)
    assert first == "text and 5"
    assert failure.startswith("it failed\nTraceback") and failure.endswith("ValueError: what went wrong")


def test_a_long_traceback_keeps_its_end(logger: logging.Logger, redis: Redis) -> None:
    def deeper(left: int) -> None:
        if not left:
            raise ValueError("what went wrong")
        if left % 2:
            deeper(left - 1)
        else:
            deeper(left - 1)

    try:
        deeper(100)
    except ValueError:
        logger.exception("it failed")
    [text] = until(lambda: texts(redis), "a line")
    assert len(text) == TEXT_LIMIT and "…" in text
    assert text.startswith("it failed\nTraceback") and text.endswith("ValueError: what went wrong")


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        ({"msg": "%d things", "args": ("no number",)}, "%d things"),
        ({"msg": Unshowable()}, "Unshowable"),
        ({"msg": "text", "levelno": None}, "text"),
    ],
)
def test_a_record_that_can_not_be_shown_raises_nothing(
    record: dict[str, Any], shown: str, reporter: Reporter, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    LogHandler().handle(logging.makeLogRecord({"levelno": logging.INFO, "name": "tests", **record}))
    until(lambda: texts(redis) == [shown], "what there is of it")
    assert "Error" in capsys.readouterr().err, "as Python's logging says it"


def test_what_headway_and_rq_log_is_not_the_jobs(reporter: Reporter, redis: Redis) -> None:
    handler = LogHandler()
    for name in ("headway.progress", "rq.worker", "tests"):
        handler.handle(logging.makeLogRecord({"name": name, "msg": name, "levelno": logging.INFO}))
    until(lambda: texts(redis) == ["tests"], "the one line")


# -- through real workers


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis, TASKS, ["default"])


@pytest.fixture
def worker(processes: Processes) -> Callable[..., Any]:
    return lambda **environment: processes.start("-m", "tests.workers.small_worker", **environment)


def submit(jobs: Jobs, text: str, task: str = "tests_large") -> str:
    return str(jobs.submit(task, {"text": text}, owner="me").state.id)


def test_the_last_lines_are_there_when_the_end_is(jobs: Jobs, redis: Redis, worker: Callable[..., Any]) -> None:
    id = submit(jobs, "[log(f'line {n}') for n in range(50)] and None")
    failing = submit(jobs, "log('about to fail') or 1 / 0")
    with redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe("headway:events")
        worker()
        for end, last in ((id, 50), (failing, 1)):
            said = ""
            while f'"id":"{end}"' not in said or ('"finished"' not in said and '"failed"' not in said):
                message = listener.get_message(timeout=0.1)
                said = message["data"].decode() if message else ""
            lines = kept(redis, end)  # no waiting: the end has been told
            assert len(lines) == last == lines[-1]["n"]
    assert ended(jobs, failing).state.status == Status.FAILED


def test_small_jobs_log_each_their_own(jobs: Jobs, redis: Redis, worker: Callable[..., Any]) -> None:
    ids = [submit(jobs, f"log('{n}') or log('again') or os.getpid()", "tests_small") for n in range(20)]
    worker()
    results = {ended(jobs, id).state.result for id in ids}
    assert len(results) == 1, "one process ran them all"
    for number, id in enumerate(ids):
        assert [(line["n"], line["text"]) for line in kept(redis, id)] == [(1, f"{number}"), (2, "again")]


def test_a_retry_and_a_requeue_go_on_counting(jobs: Jobs, redis: Redis, worker: Callable[..., Any]) -> None:
    id = submit(jobs, "log('try') or Retry(max=1)")
    worker()
    assert ended(jobs, id).state.attempt == 2
    jobs.requeue(id)
    until(lambda: (state := jobs.load(id).state).attempt == 3 and state.ended, "the third attempt's end")
    assert [(line["n"], line["attempt"], line["text"]) for line in kept(redis, id)] == [
        (1, 1, "try"),
        (2, 2, "try"),
        (3, 3, "try"),
    ]
    jobs.delete(id)
    assert not redis.exists(f"headway:job:{id}:log")


def test_a_killed_horse_leaves_what_was_sent(jobs: Jobs, redis: Redis, worker: Callable[..., Any]) -> None:
    id = submit(jobs, "log(str(os.getpid())) or time.sleep(30)")
    worker()
    [pid] = until(lambda: texts(redis, id), "the line")
    os.kill(int(pid), signal.SIGKILL)
    assert ended(jobs, id).state.status == Status.FAILED
    assert texts(redis, id) == [pid] and 0 < redis.ttl(f"headway:job:{id}:log")


def test_a_flood_by_logging_does_not_outlive_its_time_out(jobs: Jobs, redis: Redis, worker: Callable[..., Any]) -> None:
    """The time-out is raised in the midst of whatever runs: here that is our handler."""
    flood = (
        "logging.getLogger('flood').addHandler(LogHandler()) or "
        "[0 for _ in iter(int, 1) if logging.getLogger('flood').warning('again')]"
    )
    id = submit(jobs, flood, "tests_small")  # 3 s
    worker()
    state = ended(jobs, id).state
    assert state.error is not None and state.error["type"] == "JobTimeoutException"
    assert kept(redis, id)[-1]["n"] > LINES_LIMIT


def test_the_end_does_not_wait_for_lines_that_are_under_way(
    jobs: Jobs, redis: Redis, settings: Settings, tmp_path: Path
) -> None:
    """Whom the thread speaks to never answers; the end carries the same lines, and to be told twice harms nothing."""
    job = fetch_job(submit(jobs, "None"), redis)
    assert job is not None
    job.set_status(JobStatus.STARTED)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen()
        sender = Sender(f"unix://{tmp_path}/deaf", job.id)
        sender.attempt = 1
        with context.entered(JobContext(job.id, redis, settings, TASKS, sender, Reporter(sender, sender.log))):
            log("one")
            until(lambda: select.select([deaf], [], [], 0)[0], "a thread that speaks")
            log("two")
            began = time.monotonic()
            job.set_status(JobStatus.FINISHED)
            assert time.monotonic() - began < 0.5
            assert texts(redis, job.id) == ["one", "two"]
            job.set_status(JobStatus.FINISHED)  # RQ replays it where somebody was faster
            assert texts(redis, job.id) == ["one", "two"]
