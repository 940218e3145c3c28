"""Queues and workers over HTTP."""

import json
from contextlib import closing

import pytest
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue, Worker

from tests.conftest import Processes, ended, until
from tests.realtime.test_api import submit
from workers.queue import Jobs
from workers.release import release


def test_queues_are_counted(me: FlaskClient, operator: FlaskClient) -> None:
    args = [{"text": "1"}] * 3
    me.post("/api/jobs/bulk", json={"task": "sum_numbers", "args": args})
    answer = operator.get("/api/queues").get_json()
    default, books, *_ = answer["queues"]
    assert answer["scheduler"] is False
    assert (default["name"], default["queued"], books["queued"]) == ("default", 3, 0)
    assert operator.post("/api/queues/default/empty").get_json() == {"count": 3}
    assert operator.get("/api/queues").get_json()["queues"][0]["queued"] == 0


def test_an_unknown_queue_is_not_found(operator: FlaskClient) -> None:
    for verb in ("empty", "requeue-failed"):
        answer = operator.post(f"/api/queues/none/{verb}")
        assert answer.status_code == 404 and answer.get_json()["error"]["code"] == "not_found"


def test_what_ended_is_told_to_operators(me: FlaskClient, operator: FlaskClient) -> None:
    submitted = me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}).get_json()
    me.post(f"/api/jobs/{submitted['id']}/cancel")
    for span in ("15m", "24h"):
        read = operator.get(f"/api/history?span={span}").get_json()
        assert read["span"] == span and sum(read["total"]["ended"]) == 1
        assert [row["name"] for row in read["tasks"]] == ["sum_numbers"]
    assert operator.get("/api/history").get_json()["span"] == "15m"
    assert me.get("/api/history").status_code == 403
    wrong = operator.get("/api/history?span=1y")
    assert wrong.status_code == 400 and "span" in wrong.get_json()["error"]["fields"]


def test_workers_are_listed(operator: FlaskClient, processes: Processes) -> None:
    processes.worker()
    [worker] = until(lambda: operator.get("/api/workers").get_json()["workers"], "a worker")
    assert worker["queue"] == "default" and worker["name"].startswith("default.")
    assert worker["release"] == release() and operator.get("/api/workers").get_json()["releases"] == {}


def test_suspended_workers_take_nothing_until_they_are_resumed(
    me: FlaskClient, operator: FlaskClient, jobs: Jobs, processes: Processes
) -> None:
    assert operator.post("/api/workers/suspend").get_json() == {"ok": True}
    assert operator.get("/api/workers").get_json()["suspended"] is True
    id = submit(me)["id"]
    processes.worker()
    until(lambda: [worker["state"] for worker in operator.get("/api/workers").get_json()["workers"]] == ["suspended"])
    assert jobs.load(id).state.status == "queued"
    assert operator.post("/api/workers/resume").get_json() == {"ok": True}
    assert operator.get("/api/workers").get_json()["suspended"] is False
    ended(jobs, id)


def test_a_worker_is_shut_down_in_peace(operator: FlaskClient, processes: Processes) -> None:
    process = processes.worker()
    [worker] = until(lambda: operator.get("/api/workers").get_json()["workers"], "a worker")

    def asked() -> bool:  # a worker that has just begun does not listen yet
        assert operator.post(f"/api/workers/{worker['name']}/shutdown").status_code in (202, 404)
        return process.poll() is not None

    until(asked, "its end")
    assert process.returncode == 0
    assert operator.get("/api/workers").get_json()["workers"] == []


@pytest.mark.filterwarnings("ignore:CLIENT SETNAME")  # RQ's, of what Redis takes for no client's name
@pytest.mark.parametrize("name", ["team a/b %2F é ✓", "..", "/", "a?b#c", "100%", "'\"<b>", "suspend", "new\nline"])
def test_a_worker_of_any_name_is_asked_to_end(name: str, operator: FlaskClient, redis: Redis) -> None:
    """Also those of other programs on RQ, which names no worker by our rules."""
    worker = Worker([Queue("default", connection=redis)], name=name, connection=redis)
    worker.register_birth()
    with closing(redis.pubsub()) as heard:
        heard.subscribe(f"rq:pubsub:{name}")
        assert heard.get_message(timeout=5)
        assert operator.post("/api/workers/shutdown", json={"name": name}).status_code == 202
        message = heard.get_message(timeout=5)
    assert message is not None and json.loads(message["data"])["command"] == "shutdown"
    [entry] = operator.get("/api/audit").get_json()["entries"]
    assert (entry["what"], entry["which"]) == ("shutdown", {"name": name})


def test_a_worker_that_is_not_there_is_not_found(operator: FlaskClient) -> None:
    answer = operator.post("/api/workers/shutdown", json={"name": "nobody/.."})
    assert answer.status_code == 404 and "'nobody/..'" in answer.get_json()["error"]["message"]
