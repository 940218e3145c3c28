"""Acting on many jobs over HTTP."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from tests.conftest import Processes, ended
from tests.realtime.test_api import error, submit
from workers.queue import Jobs
from workers.wire import INTERNAL_QUEUES, Status


def many(client: FlaskClient, count: int) -> list[str]:
    args = [{"text": str(number)} for number in range(count)]
    answer = client.post("/api/jobs/bulk", json={"task": "sum_numbers", "args": args})
    return list(answer.get_json()["ids"])


def begin(client: FlaskClient, **body: Any) -> Any:
    answer = client.post("/api/actions", json=body)
    assert answer.status_code == 202, answer.text
    return answer.get_json()


def test_an_action_shows_among_the_jobs_of_who_asked_and_in_their_inbox(
    me: FlaskClient, jobs: Jobs, redis: Redis, processes: Processes
) -> None:
    ids = many(me, 30)
    answer = begin(me, verb="cancel", q="state:queued", expect=30)
    assert answer["total"] == 30
    assert me.get(f"/api/jobs/{answer['id']}").get_json()["args"] == {"verb": "cancel", "total": 30}
    assert me.get("/api/jobs?q=task:act_on_jobs").get_json()["jobs"][0]["id"] == answer["id"]
    processes.worker("headway-others")
    assert ended(jobs, answer["id"]).state.result == {"done": 30, "skipped": 0, "failed": {}}
    assert me.get("/api/counts").get_json()["by_status"]["canceled"] == 30 and set(ids)
    assert [key for key in redis.scan_iter("headway:inbox:*:states") if redis.hlen(key) == 31]


def test_jobs_are_named_one_by_one_too(me: FlaskClient, jobs: Jobs, processes: Processes) -> None:
    first, second, third = many(me, 3)
    action = begin(me, verb="cancel", ids=[first, second, first, "nobody"])
    assert action["total"] == 2, "twice is once, and what does not exist is left out"
    processes.worker("headway-others")
    assert ended(jobs, action["id"]).state.result == {"done": 2, "skipped": 0, "failed": {}}
    assert jobs.load(third).state.status == Status.QUEUED


def test_everyone_acts_on_their_own_jobs_alone(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient, jobs: Jobs, processes: Processes
) -> None:
    mine, yours = many(me, 5), many(you, 5)
    error(me.post("/api/actions", json={"verb": "cancel", "ids": [mine[0], yours[0]]}), 403, "forbidden")
    own = begin(me, verb="cancel", q="")
    assert own["total"] == 5
    error(me.post("/api/actions", json={"verb": "cancel", "q": "owner:abc"}), 400, "forbidden")
    processes.worker("headway-others")
    ended(jobs, own["id"])
    action = begin(operator, verb="cancel", ids=[mine[0], yours[0]])
    processes.worker("headway")
    ended(jobs, action["id"])
    assert [jobs.load(id).state.status for id in yours] == ["canceled", *["queued"] * 4]
    assert {jobs.load(id).state.status for id in mine} == {Status.CANCELED}


@pytest.mark.parametrize(("expect", "status"), [(30, 202), (20, 202), (40, 202), (19, 409), (41, 409), (1000, 409)])
def test_what_differs_much_from_what_was_seen_is_a_conflict(
    expect: int, status: int, me: FlaskClient, redis: Redis
) -> None:
    many(me, 30)
    answer = me.post("/api/actions", json={"verb": "cancel", "q": "task:sum_numbers", "expect": expect})
    assert answer.status_code == status
    if status == 409:
        assert f"expected {expect} jobs, found 30" in error(answer, 409, "conflict")["message"]
        assert not redis.keys("headway:action:*")


def test_only_jobs_that_it_may_be_done_to_are_collected(me: FlaskClient) -> None:
    many(me, 5)
    me.post(f"/api/jobs/{submit(me)['id']}/cancel")
    assert begin(me, verb="requeue", q="", expect=1)["total"] == 1
    error(me.post("/api/actions", json={"verb": "stop", "q": ""}), 409, "conflict")


def test_a_delete_can_be_undone_by_who_asked_for_it(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient, jobs: Jobs
) -> None:
    ids = many(me, 5)
    id = begin(me, verb="delete", q="")["id"]
    assert me.get(f"/api/jobs/{id}").get_json()["status"] == "scheduled"
    error(you.post(f"/api/actions/{id}/undo"), 403, "forbidden")
    assert me.post(f"/api/actions/{id}/undo").get_json()["status"] == "canceled"
    assert {jobs.load(one).state.status for one in ids} == {Status.QUEUED}
    other = begin(operator, verb="delete", q="")["id"]
    assert operator.post(f"/api/actions/{other}/undo").status_code == 200
    for wrong in ("nobody", ids[0]):
        error(me.post(f"/api/actions/{wrong}/undo"), 404, "not_found")


def test_an_action_that_has_begun_is_not_undone(me: FlaskClient, jobs: Jobs, processes: Processes) -> None:
    many(me, 5)
    id = begin(me, verb="cancel", q="")["id"]
    processes.worker("headway-others")
    ended(jobs, id)
    error(me.post(f"/api/actions/{id}/undo"), 409, "conflict")


@pytest.mark.parametrize("ids", [["nobody"], ["nobody", "no-one"], ["y" * 128]])
def test_jobs_that_do_not_exist_start_no_action(ids: list[str], me: FlaskClient, redis: Redis) -> None:
    submit(me)
    error(me.post("/api/actions", json={"verb": "requeue", "ids": ids}), 409, "conflict")
    assert not redis.keys("headway:action:*") and not redis.exists(*(f"rq:queue:{name}" for name in INTERNAL_QUEUES))


def test_what_others_do_waits_behind_nothing_of_the_operators(
    me: FlaskClient, operator: FlaskClient, jobs: Jobs, processes: Processes
) -> None:
    [mine, yours] = many(me, 2)
    waiting = [begin(me, verb="cancel", ids=[mine])["id"] for _ in range(10)]
    id = begin(operator, verb="cancel", ids=[yours])["id"]
    processes.worker("headway")
    assert ended(jobs, id).state.result["done"] == 1
    assert {jobs.load(one).state.queue for one in waiting} == {"headway-others"}
    assert {jobs.load(one).state.status for one in waiting} == {Status.QUEUED}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "verb"),
        ({"verb": "eat", "q": ""}, "verb"),
        ({"verb": "delete"}, "ids"),
        ({"verb": "delete", "ids": ["x"], "q": ""}, "ids"),
        ({"verb": "delete", "ids": []}, "ids"),
        ({"verb": "delete", "ids": ["x"] * 1001}, "ids"),
        ({"verb": "delete", "ids": [5]}, "ids.0"),
        ({"verb": "delete", "q": "state:done"}, "q"),
        ({"verb": "delete", "q": "", "expect": -1}, "expect"),
    ],
)
def test_a_wrong_action_names_its_field(body: dict[str, Any], field: str, me: FlaskClient, redis: Redis) -> None:
    submit(me)
    assert set(error(me.post("/api/actions", json=body), 400, "bad_request")["fields"]) == {field}
    assert not redis.keys("headway:action:*")


def test_visitors_can_not_submit_the_task_themselves(me: FlaskClient) -> None:
    args = {"verb": "delete", "total": 1}
    assert "act_on_jobs" not in [task["name"] for task in me.get("/api/tasks").get_json()["tasks"]]
    error(me.post("/api/jobs", json={"task": "act_on_jobs", "args": args}), 400, "bad_request")
    error(
        me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}, "queue": "headway"}),
        400,
        "bad_request",
    )
