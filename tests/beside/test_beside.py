"""Another application's RQ fares beside all of Headway as it does alone: every job, callback and schedule."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import pytest
import requests

from tests.beside.conftest import Application, Headway, kill_with_its_horse
from tests.beside.records import of_the_application
from tests.conftest import until

SIMPLE = ("-w", "rq.worker.SimpleWorker")
BRISK = ("-w", "shop.Brisk", "--job-monitoring-interval", "1", "--maintenance-interval", "1")
EXPECTED = """
again bound,again bound,again paid,again paid,at paid,at rendered for Büro,back bound,back paid,book bound,book paid
brochure-0 paid,brochure-0 rendered for Büro,brochure-1 paid,brochure-1 rendered for Büro,brochure-2 paid
brochure-2 rendered for Büro,front bound,front paid,gone paid,gone rendered for Büro
jam paid,jam printed after a jam,jam spoiled,jam-later paid,jam-later printed after a jam,jam-later spoiled
later paid,later rendered for Büro,post paid,render paid,render rendered for Büro,spoil spoiled,stop stopped
urgent paid,urgent rendered for Büro
"""


def open_for_business(application: Application) -> None:
    application.worker("default", "bookInfoParser", "--with-scheduler")
    application.worker("high", "--with-scheduler", *SIMPLE)
    for queue in ("default", "bookInfoParser", "high"):
        key = f"rq:scheduler-lock:{queue}"
        until(partial(application.redis.exists, key), key)


def a_day(application: Application) -> dict[str, Any]:
    """All kinds of jobs, each once; then the workers go home."""
    process = application.do("order")
    assert process.wait(60) == 0, application.processes.log()
    application.processes.stop()
    return of_the_application(application.redis)


@pytest.mark.parametrize(
    ("release", "first"),
    [
        ("2.12", "theirs"),
        ("3.0", "ours"),
        pytest.param("2.12", "ours", marks=pytest.mark.long),
        pytest.param("3.0", "theirs", marks=pytest.mark.long),
    ],
    indirect=["release"],
)
def test_every_job_callback_and_schedule_is_as_without_us(
    first: str, alone: Application, beside: Application, headway: Headway
) -> None:
    if first == "theirs":
        headway.stop_scheduler()
    for application in (alone, beside):
        open_for_business(application)
    if first == "theirs":
        headway.start_scheduler()
    until(lambda: beside.redis.exists("rq:scheduler-lock:headway.default"), "our scheduler")
    me = headway.session()
    with ThreadPoolExecutor(1) as pool:
        without_us = pool.submit(a_day, alone)
        ours = [headway.submit(me, "sum_numbers", text="12")["id"] for _ in range(20)]
        with_us = a_day(beside)
        expected = without_us.result()
    assert beside.ledger == alone.ledger
    assert beside.ledger == EXPECTED.strip().replace("\n", ",").split(",")
    assert with_us.keys() == expected.keys()
    assert {key: value for key, value in with_us.items() if value != expected[key]} == {}
    until(lambda: all(headway.job(me, id)["status"] == "finished" for id in ours), "the end of our jobs")
    assert "Traceback" not in headway.processes.log()


def test_a_stock_worker_that_is_killed_is_mourned_by_rq_alone(beside: Application, headway: Headway) -> None:
    """Both jobs have callbacks and pickled meta, and one has a retry left. Our sweeper is at work meanwhile."""
    assert beside.do("press").wait(30) == 0, beside.processes.log()
    workers = [beside.worker("default", *BRISK) for _ in range(2)]
    until(lambda: [beside.status(id) for id in ("once", "twice")] == ["started"] * 2, "both to begin")
    me = headway.session()
    ours = headway.submit(me, "create_task", task_type=3)["id"]
    until(lambda: headway.job(me, ours)["status"] == "started", "our job to begin")
    for process in workers:
        kill_with_its_horse(process)
    left = of_the_application(beside.redis)
    killed = our_workers(headway)
    for process in killed:
        kill_with_its_horse(process)
    # by then the time of theirs has been over for more than one sweep
    until(lambda: headway.job(me, ours)["status"] == "lost", "our worker to be silent")
    assert of_the_application(beside.redis) == left and beside.ledger == []
    for _ in killed:
        headway.processes.worker()
    beside.redis.set("shop:go", "1")
    beside.worker("default", *BRISK)
    until(lambda: (beside.status("once"), beside.status("twice")) == ("failed", "finished"), "RQ's own verdict")
    after = headway.submit(me, "sum_numbers", text="12")["id"]
    until(lambda: headway.job(me, after)["status"] == "finished", "our own job")
    beside.processes.stop()
    assert beside.ledger == ["once spoiled", "twice paid", "twice pressed", "twice spoiled"]  # RQ tells each try
    for id in ("once", "twice"):
        assert beside.redis.hget(f"rq:job:{id}", "meta") == left[f"rq:job:{id}"][0][b"meta"]
    assert "Traceback" not in headway.processes.log()


def our_workers(headway: Headway) -> list[Any]:
    return [process for process in headway.processes.running if "default" in cast(list[str], process.args)]


def test_each_sees_what_the_other_has(beside: Application, headway: Headway) -> None:
    """RQ's own tools read ours, and our pages theirs; nobody chokes on it."""
    assert beside.do("render").wait(30) == 0
    assert beside.worker("default", "--burst").wait(30) == 0, beside.processes.log()
    for what in ("press", "later"):
        assert beside.do(what).wait(30) == 0
    beside.worker("high")
    me = headway.session()
    ended = headway.submit(me, "sum_numbers", text="1")["id"]
    running = headway.submit(me, "create_task", task_type=1)["id"]
    until(lambda: headway.job(me, ended)["status"] == "finished", "our job")
    theirs = of_the_application(beside.redis)
    for process in (beside.do("look"), beside.processes.start("-m", "rq.cli", "info")):
        assert process.wait(30) == 0, beside.processes.log()
    log = beside.processes.log()
    assert ended in log and "headway.default" in log and "Traceback" not in log
    for path in ("jobs", "queues", "workers", "schedule", "counts", "jobs/render", "jobs/once", "jobs/later"):
        answer = requests.get(f"{headway.url}/api/{path}", headers=headway.operator, timeout=10)
        assert answer.status_code in (200, 404), answer.text
    assert of_the_application(beside.redis) == theirs
    stop = requests.post(f"{headway.url}/api/jobs/{running}/stop", headers=headway.operator, timeout=10)
    assert stop.status_code == 202, stop.text
    assert "Traceback" not in headway.processes.log()
