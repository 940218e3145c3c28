"""Processes of both releases beside each other, as while one after the other is replaced: each does its part."""

from collections.abc import Callable
from typing import Any

import requests
from redis import Redis

from tests.conftest import Processes, free_port, is_ready, until
from tests.upgrade.conftest import Before
from tests.upgrade.test_installation import WITHIN, program
from workers.release import BEFORE, release
from workers.sweeper import LOCK


def submit(session: requests.Session, url: str, key: str) -> str:
    body = {"task": "sum_numbers", "args": {"text": "12"}}
    answer = session.post(f"{url}/api/jobs", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def finished(session: requests.Session, url: str, id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        job = dict(session.get(f"{url}/api/jobs/{id}").json())
        return job if job.get("status") == "finished" else None

    return dict(until(look, f"the end of {id}", WITHIN))


def test_old_and_new_processes_run_each_others_jobs_once(
    redis: Redis, processes: Processes, before: Before, processes_of: Callable[[Before], Processes]
) -> None:
    old_processes = processes_of(before)
    ports = [free_port(), free_port()]
    old, new = (f"http://127.0.0.1:{port}" for port in ports)
    old_web = old_processes.start("-m", "realtime.server", PORT=str(ports[0]))
    old_worker = old_processes.worker()
    until(lambda: is_ready(old) and redis.exists(LOCK), f"the release before ({old_processes.log()})", WITHIN)
    processes.start("-m", "realtime.server", PORT=str(ports[1]))
    new_worker = processes.worker()
    until(lambda: is_ready(new), f"this release ({processes.log()})", WITHIN)
    releases = program(processes.environment["HEADWAY_OPERATOR_TOKEN"]).get(f"{new}/api/workers").json()["releases"]
    assert set(releases) == {release(), BEFORE} and f".{old_worker.pid}." in releases[BEFORE][0]
    me = program()
    me.get(old).raise_for_status()

    for url, other in ((old, new), (new, old)):
        id = submit(me, url, url)
        assert submit(me, other, url) == id, "the same key, whoever was asked"
        for shown in (finished(me, url, id), finished(me, other, id)):
            assert shown["attempt"] == 1 and shown["queue"] == "default" and shown["result"] == 3
    assert f".{new_worker.pid}." in shown["worker"], "the release before does not take what was submitted here"

    # its web process, which holds the sweeper's lock, takes jobs although its worker has gone
    holder = redis.get(LOCK)
    old_worker.terminate()
    old_worker.wait()
    left = submit(me, old, "left")
    assert f".{new_worker.pid}." in finished(me, old, left)["worker"]
    assert redis.get(LOCK) == holder and not redis.exists("rq:queue:default")
    old_web.terminate()
    old_web.wait()
    until(lambda: redis.get(LOCK) not in (None, holder), "somebody else to sweep", WITHIN)
    assert finished(me, new, submit(me, new, "after"))["attempt"] == 1
