"""Two web processes on one port, restarted one after the other under twenty open pages: nobody is to see much of it."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from redis import Redis

from tests.conftest import ROOT, Processes, free_port, is_ready, until
from tests.frontend.node import find_node
from workers import inbox, store
from workers.queue import Jobs
from workers.store import Stored
from workers.wire import Status

PAGES, ROUNDS = 20, 3
STALE_AT_MOST = 2000  # ms
ENDS_WITHIN = 10.0  # seconds
BUSY = "busy"  # a job that moves all the while
PAUSE = 0.05  # seconds between two of its steps
JOB_EACH = 5  # steps


class Webs:
    """Two web processes that share a port."""

    def __init__(self, processes: Processes) -> None:
        port = free_port()
        self._processes = processes
        self._environment = {"PORT": str(port), "HEADWAY_PROCESSES": "2"}
        self._started = 0
        self.url = f"http://127.0.0.1:{port}"
        self.running = [self._start(), self._start()]
        until(lambda: is_ready(self.url), "the web servers")

    def _start(self) -> subprocess.Popen[bytes]:
        process = self._processes.start("-m", "realtime.server", **self._environment)
        self._started += 1
        # by its own word: the port answers as long as one of the two does
        until(lambda: self._processes.log().count("the channel is held") >= self._started, "its channel")
        return process

    def restart(self, number: int) -> tuple[float, int]:
        """Replace one; how long it took to end, and its exit code."""
        began = time.monotonic()
        self.running[number].send_signal(signal.SIGTERM)
        code = self.running[number].wait(ENDS_WITHIN * 2)
        took = time.monotonic() - began
        self.running[number] = self._start()
        return took, code


@contextmanager
def open_pages(url: str, session: requests.Session) -> Iterator[subprocess.Popen[str]]:
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    command = [find_node(), str(ROOT / "tests/faults/roll_out.mjs"), url, cookie, BUSY, str(PAGES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pages:
        assert pages.stdout is not None
        try:
            assert pages.stdout.readline() == "live\n"
            yield pages
        finally:
            if pages.poll() is None:
                pages.kill()


class Work(threading.Thread):
    """The busy job moves until `stop`, and short ones come and end until `enough`."""

    def __init__(self, redis: Redis, jobs: Jobs, owner: str) -> None:
        super().__init__()
        self._redis, self._jobs, self._owner = redis, jobs, owner
        self.enough, self.stop = threading.Event(), threading.Event()
        self.ids: list[str] = []
        known = {"task": "busy", "queue": "default", "created_at": 1}
        redis.hset(f"rq:job:{BUSY}", "status", "started")  # else the sweeper would take it for a job that is gone
        store.transition(redis, BUSY, {"status": Status.STARTED}, owner="somebody", fallback=known)

    def run(self) -> None:
        step = 0
        while not self.stop.wait(PAUSE):
            step += 1
            store.report(self._redis, BUSY, 1, {"completed": step, "total": None, "unit": ""})
            if step % JOB_EACH == 0 and not self.enough.is_set():
                self.ids.append(self._jobs.submit("sum_numbers", {"text": "12"}, owner=self._owner).state.id)

    def __enter__(self) -> "Work":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.join()

    def ends(self) -> set[str]:
        """Those of the short jobs, once all have ended and none is unseen."""
        self.enough.set()
        until(lambda: all(row and row.state.ended for row in self._rows()), "the ends of all jobs", within=30)
        until(lambda: not inbox.read(self._redis, self._owner), "an inbox whose ends have all been seen")
        return {f"{row.state.id} {row.state.attempt}" for row in self._rows() if row}

    def _rows(self) -> list[Stored | None]:
        return store.load_many(self._redis, self.ids)


def owner_of(session: requests.Session, url: str, redis: Redis) -> str:
    answer = session.post(f"{url}/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}})
    stored = store.load(redis, answer.json()["id"])
    assert stored is not None
    return stored.owner


def told(pages: subprocess.Popen[str]) -> Any:
    said, _ = pages.communicate("", timeout=10)
    return json.loads(said)


def test_a_page_is_never_stale_for_long_in_a_rolling_restart(redis: Redis, jobs: Jobs, processes: Processes) -> None:
    webs = Webs(processes)
    processes.worker()
    session = requests.Session()
    session.trust_env = False
    session.get(webs.url).raise_for_status()
    work = Work(redis, jobs, owner_of(session, webs.url, redis))
    with work, open_pages(webs.url, session) as pages:
        ended = [webs.restart(number) for _ in range(ROUNDS) for number in range(len(webs.running))]
        ends = work.ends()
        seen = told(pages)  # while the busy job still moves
    print(
        f"{len(ended)} restarts, {PAGES} pages: at the most {seen['not_live']} ms not live, {seen['oldest']} ms behind"
    )
    assert [code for _, code in ended] == [0] * len(ended), processes.log()
    assert max(took for took, _ in ended) <= ENDS_WITHIN
    assert seen["moves"] >= PAGES, "the pages did not move"
    assert max(seen["not_live"], seen["oldest"]) <= STALE_AT_MOST
    assert len(ends) >= len(ended) and ends <= set(seen["ends"])
    assert set(seen["ends"].values()) == {1}
