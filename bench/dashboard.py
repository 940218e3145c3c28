"""What a dashboard costs on a hundred thousand jobs: finding, counting, acting on ten thousand; and a submit."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, cast

import requests

from bench.lab import TOKEN, Lab, Server
from bench.publisher import HEADWAY
from bench.small_jobs import submitter
from workers.lifecycle import TrackedJob
from workers.queue import Jobs

JOBS, PART = 100_000, 10_000
ROUNDS = 5
BOOK = "https://www.goodreads.com/book/show/{}-the-adventures-of-somebody"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
DONE_WITHIN = 120.0  # seconds
# a process of its own, which asks Redis and the server one thing after the other and says how long the answers took
BYSTANDER = """
import select, sys, time, requests
from workers import store
redis, session, took = store.connect(sys.argv[1]), requests.Session(), ([], [])
session.trust_env = False
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.002)[0]:
    for times, ask in zip(took, (redis.ping, lambda: session.get(sys.argv[2] + "/healthz"))):
        began = time.perf_counter(); ask(); times.append((time.perf_counter() - began) * 1000)
for times in took:
    times.sort(); print(times[len(times) // 2], times[int(len(times) * 0.99)], times[-1])
"""


def report(lab: Lab) -> None:
    with lab.serve(HEADWAY) as server:
        jobs = submitter(lab)
        _submits(lab, jobs)
        _fill(lab, jobs)
        _finds(lab, server)
        _acts(lab, server)


def _submits(lab: Lab, jobs: Jobs) -> None:
    """Beside each other: with and without the words of the arguments."""
    args = [{"url": BOOK.format(number)} for number in range(PART)]
    words = TrackedJob.words
    took: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(ROUNDS):
        for kind, times in took.items():
            lab.redis.flushall()
            TrackedJob.words = words if kind == "with" else ""  # type: ignore[assignment]
            began = time.process_time() + _worked(lab)
            jobs.submit_many("parse_book", args, owner="bench")
            times.append(time.process_time() + _worked(lab) - began)
    TrackedJob.words = words  # type: ignore[method-assign]
    jobs.submit_many("parse_book", args, owner="bench")
    sizes = [int(lab.redis.memory_usage(key) or 0) for key in lab.redis.scan_iter("headway:job:*:words", count=1000)]
    length = len(str(lab.redis.get(next(lab.redis.scan_iter("headway:job:*:words")))))
    print(f"    words of {length} characters {'':22} {sum(sizes) / len(sizes):8.0f} B     of Redis's memory")
    for kind, times in took.items():
        label = f"submit 10,000 {kind} words"
        print(f"    {label:40} {median(times):8.2f} s     CPU, Redis's too", flush=True)


def _worked(lab: Lab) -> float:
    """Seconds of CPU that Redis has taken so far."""
    cpu = lab.redis.info("cpu")
    return float(cpu["used_cpu_user"] + cpu["used_cpu_sys"])


def _fill(lab: Lab, jobs: Jobs) -> None:
    lab.redis.flushall()
    for part in range(0, JOBS, PART):
        numbers = range(part, part + PART)
        if part % (2 * PART):
            jobs.submit_many("parse_book", [{"url": BOOK.format(number)} for number in numbers], owner="bench")
        else:
            jobs.submit_many("sum_numbers", [{"text": f"n{number}"} for number in numbers], owner="bench")


def _finds(lab: Lab, server: Server) -> None:
    session = requests.Session()
    session.trust_env = False
    session.headers.update(OPERATOR)

    def get(path: str, **query: Any) -> Any:
        answer = session.get(f"{server.url}{path}", params=query)
        answer.raise_for_status()
        return answer.json()

    rare = get("/api/jobs", q=f"show/{77_777}-the")["jobs"][0]["id"]
    [entry] = cast(list[bytes], lab.redis.zrange("headway:all:queued", JOBS // 2, JOBS // 2))
    deep = int(lab.redis.zscore("headway:all:queued", entry) or 0)
    questions: list[tuple[str, Callable[[], Any]]] = [
        ("a job by its id", lambda: get("/api/jobs", q=rare)),
        ("a job by the first 8 characters of it", lambda: get("/api/jobs", q=f"id:{rare[:8]}")),
        ("a job by a rare argument", lambda: get("/api/jobs", q="show/77777-the")),
        ("a word that no job has", lambda: get("/api/jobs", q="nothing")),
        ("page 1 of 50", lambda: get("/api/jobs")),
        ("page 1,000 of 50", lambda: get("/api/jobs", cursor=deep)),
        ("page 1,000 of 50 of one task", lambda: get("/api/jobs", q="task:sum_numbers", cursor=deep)),
        ("count all", lambda: get("/api/counts")),
        ("count a task", lambda: get("/api/counts", q="task:sum_numbers")),
        ("count a word", lambda: get("/api/counts", q="somebody")),
    ]
    for label, ask in questions:
        with _bystander(lab, server) as seen:
            times, worked = [], _worked(lab)
            for _ in range(ROUNDS):
                began = time.perf_counter()
                ask()
                times.append((time.perf_counter() - began) * 1000)
            worked_by_now = _worked(lab)
        worked = (worked_by_now - worked) / ROUNDS * 1000
        print(f"    {label:40} {median(times):8.1f} ms    {worked:4.0f} ms of Redis's CPU; {seen[0]}", flush=True)


def _acts(lab: Lab, server: Server) -> None:
    def act(verb: str, q: str) -> float:
        answer = requests.post(f"{server.url}/api/actions", json={"verb": verb, "q": q}, headers=OPERATOR)
        answer.raise_for_status()
        path = f"{server.url}/api/jobs/{answer.json()['id']}"
        if verb == "delete":
            requests.post(f"{path}/enqueue", headers=OPERATOR).raise_for_status()
        deadline = time.monotonic() + DONE_WITHIN
        while (state := requests.get(path).json())["status"] != "finished":
            if time.monotonic() > deadline:
                raise SystemExit(f"{verb} was not done within {DONE_WITHIN:.0f} s: {state}")
            time.sleep(0.1)
        assert state["result"]["done"] == PART, state
        return float(state["ended_at"] - state["started_at"]) / 1000

    ten_thousand = "task:parse_book show/3"  # one of the parts, whole
    with lab.running(["workers.main", "worker", "--queue", "headway"], {}, lab.cores.rest):
        for verb, q in (("cancel", ten_thousand), ("requeue", "state:canceled"), ("delete", ten_thousand)):
            with _bystander(lab, server) as seen:
                took = act(verb, q)
            print(f"    {verb + ' 10,000':40} {took:8.1f} s     {seen[0]}", flush=True)


@contextmanager
def _bystander(lab: Lab, server: Server) -> Iterator[list[str]]:
    """What others notice: how long a PING of Redis, and `/healthz`, take meanwhile."""
    command = [sys.executable, "-c", BYSTANDER, lab.url, server.url]
    seen: list[str] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        yield seen
        process.stdin.write("\n")
        process.stdin.flush()
        names = ("Redis", "the server")
        parts = []
        for name in names:
            p50, p99, most = (float(number) for number in process.stdout.readline().split())
            parts.append(f"{name} {p50:.1f} p50 {p99:.1f} p99 {most:.0f} max")
        seen.append("; ".join(parts) + " ms")
