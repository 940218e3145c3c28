"""A queue that `HEADWAY_QUEUES` names in full, which another application has as well."""

from typing import Any

import pytest
import requests

from tests.beside.conftest import Application, Headway
from tests.conftest import until


@pytest.mark.parametrize("release", [pytest.param("2.12", marks=pytest.mark.long), "3.0"], indirect=True)
def test_a_queue_that_both_have_in_full_is_shared(alone: Application, sharing: Headway) -> None:
    """Their jobs are left at its head, ours run once theirs have gone, and their scheduler is not shut out."""
    until(lambda: alone.redis.exists("headway:scheduler-lock:default"), "our scheduler")
    me = sharing.session()
    assert alone.do("render").wait(30) == 0
    ours = sharing.submit(me, "sum_numbers", text="12")["id"]
    until(lambda: blocker(sharing) == "render", "their job to block the queue")
    assert alone.redis.lrange("rq:queue:default", 0, -1) == [b"render", ours.encode()]
    assert alone.worker("default", "--max-jobs", "1").wait(30) == 0, alone.processes.log()
    until(lambda: sharing.job(me, ours)["status"] == "finished", "our job")
    assert alone.do("later").wait(30) == 0
    assert alone.worker("default", "--with-scheduler", "--max-jobs", "1").wait(30) == 0, alone.processes.log()
    assert alone.ledger == ["later paid", "later rendered for Büro", "render paid", "render rendered for Büro"]
    assert [alone.status(id) for id in ("render", "later")] == ["finished", "finished"]
    assert "Traceback" not in sharing.processes.log()


def blocker(headway: Headway) -> Any:
    answer = requests.get(f"{headway.url}/api/queues", headers=headway.operator, timeout=10).json()
    return next(queue["blocked_by"] for queue in answer["queues"] if queue["name"] == "default")
