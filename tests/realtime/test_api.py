"""The JSON API, through Flask, on a real Redis and real workers."""

import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rq.serializers import JSONSerializer
from werkzeug.test import TestResponse

from tests.conftest import Processes, ended, start_redis, until
from tests.realtime.conftest import TOKEN
from workers import embedded, log_lines, store
from workers.lifecycle import TrackedQueue
from workers.queue import Jobs
from workers.settings import QueueSetting, Settings
from workers.wire import FIELDS, Status, decode


def submit(client: FlaskClient, task: str = "sum_numbers", **args: Any) -> dict[str, Any]:
    answer = client.post("/api/jobs", json={"task": task, "args": args or {"text": "12"}})
    assert answer.status_code == 202, answer.text
    return dict(answer.get_json())


def error(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body = answer.get_json()
    assert set(body) == {"error"} and body["error"]["code"] == code and body["error"]["message"]
    return dict(body["error"])


def test_a_submit_is_accepted_with_the_state_and_its_place(me: FlaskClient) -> None:
    answer = me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "12"}})
    assert answer.status_code == 202
    state = answer.get_json()
    assert tuple(state) == FIELDS and state["status"] == "queued"
    assert answer.headers["Location"] == f"/api/jobs/{state['id']}"
    assert "owner" not in state


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"{", {"body"}),
        (b"[]", {"body"}),
        (b'{"task": "sum_numbers", "args": {"text": NaN}}', {"body"}),
        (b"{}", {"task"}),
        (b'{"task": 5}', {"task"}),
        (b'{"task": "none"}', {"task"}),
        (b'{"task": "sum_numbers", "args": {"text": 5}}', {"text"}),
        (b'{"task": "sum_numbers", "args": []}', {"args"}),
        (b'{"task": "sum_numbers", "args": {"text": "1"}, "queue": "none"}', {"queue"}),
        (b'{"task": "sum_numbers", "args": {"text": "1"}, "priority": 1}', {"priority"}),
        (b"\xff", {"body"}),
        (b"[" * 100_000, {"body"}),
    ],
)
def test_a_wrong_submit_names_field_expected_and_got(body: bytes, fields: set[str], me: FlaskClient) -> None:
    wrong = error(me.post("/api/jobs", data=body), 400, "bad_request")
    assert set(wrong["fields"]) == fields
    assert all(set(one) == {"expected", "got"} for one in wrong["fields"].values())


def test_an_idempotency_key_makes_one_job_of_two_submits(me: FlaskClient) -> None:
    request: dict[str, Any] = {
        "json": {"task": "sum_numbers", "args": {"text": "1"}},
        "headers": {"Idempotency-Key": "k"},
    }
    me.get("/")  # a session begins
    first, second = me.post("/api/jobs", **request), me.post("/api/jobs", **request)
    assert first.status_code == second.status_code == 202
    assert first.get_json()["id"] == second.get_json()["id"]
    request["json"]["args"]["text"] = "2"
    error(me.post("/api/jobs", **request), 409, "conflict")
    request["headers"]["Idempotency-Key"] = "k" * 256
    error(me.post("/api/jobs", **request), 400, "bad_request")


def test_too_large_a_body_is_refused(me: FlaskClient) -> None:
    for path, most in (("/api/jobs", 1024 * 1024), ("/api/jobs/bulk", 8 * 1024 * 1024)):
        said = error(me.post(path, data=b" " * (most + 1)), 413, "too_large")
        assert said["message"] == f"The body is larger than {most} bytes"


def test_too_many_submits_in_a_second_are_refused_and_others_are_not_held_up(
    me: FlaskClient, you: FlaskClient, redis: Redis
) -> None:
    answers = [me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}) for _ in range(60)]
    refused = [answer for answer in answers if answer.status_code != 202]
    assert refused, "60 submits took longer than two seconds"
    error(refused[0], 429, "too_many")
    assert refused[0].headers["Retry-After"] == "1"
    assert len(store.snapshot(redis, "all")[0]) == 60 - len(refused)
    submit(you)


def test_ten_thousand_jobs_are_accepted_in_one_request(me: FlaskClient, redis: Redis) -> None:
    args = [{"text": str(number)} for number in range(10_000)]
    answer = me.post("/api/jobs/bulk", json={"task": "sum_numbers", "args": args})
    assert answer.status_code == 202 and len(set(answer.get_json()["ids"])) == 10_000
    assert redis.llen("rq:queue:headway.default") == 10_000


def test_a_wrong_batch_names_the_job_and_queues_none(me: FlaskClient, redis: Redis) -> None:
    answer = me.post("/api/jobs/bulk", json={"task": "sum_numbers", "args": [{"text": "1"}, {"text": 2}]})
    assert set(error(answer, 400, "bad_request")["fields"]) == {"args.1.text"}
    assert redis.llen("rq:queue:headway.default") == 0


def test_everyone_lists_their_own_jobs_and_an_operator_all(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient
) -> None:
    mine, yours = submit(me)["id"], submit(you)["id"]

    def ids(client: FlaskClient) -> list[str]:
        return [job["id"] for job in client.get("/api/jobs").get_json()["jobs"]]

    assert (ids(me), ids(you), ids(operator)) == ([mine], [yours], [yours, mine])


def test_a_program_without_a_session_has_no_jobs(app: Flask, me: FlaskClient) -> None:
    submit(me)
    assert app.test_client().get("/api/jobs").get_json() == {"jobs": [], "cursor": None}


def test_pages_follow_one_another(me: FlaskClient) -> None:
    args = [{"text": str(number)} for number in range(25)]
    ids = me.post("/api/jobs/bulk", json={"task": "sum_numbers", "args": args}).get_json()["ids"]
    seen, cursor = [], ""
    while cursor is not None:
        page = me.get(f"/api/jobs?limit=10&cursor={cursor}" if cursor else "/api/jobs?limit=10").get_json()
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["cursor"]
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=canceled", 1),
        ("status=queued", 2),
        ("queue=default", 3),
        ("queue=bookInfoParser", 0),
        ("task=text_length", 1),
        ("task=sum_numbers&status=queued", 1),
        ("q=LENGTH", 1),
        ("q=nothing", 0),
    ],
)
def test_filters(query: str, count: int, me: FlaskClient) -> None:
    submit(me)
    submit(me, "text_length", text="x")
    canceled = submit(me)["id"]
    assert me.post(f"/api/jobs/{canceled}/cancel").status_code == 200
    assert len(me.get(f"/api/jobs?{query}").get_json()["jobs"]) == count


@pytest.mark.parametrize("query", ["status=done", "limit=0", "limit=201", "limit=x", "cursor=x", "page=2"])
def test_a_wrong_query_names_its_field(query: str, me: FlaskClient) -> None:
    assert set(error(me.get(f"/api/jobs?{query}"), 400, "bad_request")["fields"]) == {query.split("=")[0]}


def test_the_owner_sees_more_of_a_job_than_a_stranger(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient, jobs: Jobs, processes: Processes
) -> None:
    id = submit(me, "count_words", url="ftp://secret.example/")["id"]
    processes.worker()
    ended(jobs, id)
    detail = me.get(f"/api/jobs/{id}").get_json()
    assert detail["args"] == {"url": "ftp://secret.example/"}
    assert detail["traceback"].startswith("Traceback") and "FetchError" in detail["traceback"]
    assert [attempt["status"] for attempt in detail["attempts"]] == ["failed"]
    assert operator.get(f"/api/jobs/{id}").get_json() == detail
    assert set(you.get(f"/api/jobs/{id}").get_json()) == set(FIELDS)


def test_a_long_result_is_cut_in_the_state_and_whole_in_the_detail(
    me: FlaskClient, jobs: Jobs, processes: Processes, tmp_path: Path
) -> None:
    from_python = "'x' * 5000"
    queue = TrackedQueue("headway.default", connection=jobs.redis)
    id = queue.enqueue_call("tests_return", kwargs={"text": from_python}).id
    processes.start("-m", "tests.workers.odd_worker")
    state = ended(jobs, id).state
    assert (state.status, state.result, state.result_truncated) == (Status.FINISHED, None, True)
    detail = me.get(f"/api/jobs/{id}").get_json()
    assert detail["result"] == "x" * 5000 and detail["result_truncated"] is True


def test_actions_change_the_state(me: FlaskClient) -> None:
    id = submit(me)["id"]
    assert me.post(f"/api/jobs/{id}/cancel").get_json()["status"] == "canceled"
    requeued = me.post(f"/api/jobs/{id}/requeue").get_json()
    assert (requeued["status"], requeued["attempt"]) == ("queued", 2)
    answer = me.delete(f"/api/jobs/{id}")
    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})
    error(me.get(f"/api/jobs/{id}"), 404, "not_found")


def test_a_stop_is_accepted_and_follows(me: FlaskClient, jobs: Jobs, processes: Processes) -> None:
    id = submit(me, "create_task", task_type=3)["id"]
    processes.worker()
    until(lambda: jobs.load(id).state.completed, "some progress")
    error(me.post(f"/api/jobs/{id}/cancel"), 409, "conflict")
    error(me.delete(f"/api/jobs/{id}"), 409, "conflict")
    answer = me.post(f"/api/jobs/{id}/stop")
    assert answer.status_code == 202 and answer.get_json()["id"] == id
    until(lambda: jobs.load(id).state.status == Status.STOPPED, "stopped", within=2)


ACTIONS = [
    ("POST", "enqueue"),
    ("POST", "again"),
    ("POST", "cancel"),
    ("POST", "requeue"),
    ("POST", "stop"),
    ("DELETE", ""),
]


@pytest.mark.parametrize(("method", "verb"), ACTIONS)
def test_a_stranger_may_not_act(method: str, verb: str, me: FlaskClient, you: FlaskClient, jobs: Jobs) -> None:
    id = submit(me)["id"]
    error(you.open(f"/api/jobs/{id}/{verb}".rstrip("/"), method=method), 403, "forbidden")
    assert jobs.load(id).state.status == Status.QUEUED


@pytest.mark.parametrize(("method", "verb"), ACTIONS)
def test_an_unknown_job_is_not_found(method: str, verb: str, me: FlaskClient) -> None:
    error(me.open(f"/api/jobs/nobody/{verb}".rstrip("/"), method=method), 404, "not_found")


def test_an_operator_may_act_on_any_job(me: FlaskClient, operator: FlaskClient) -> None:
    assert operator.post(f"/api/jobs/{submit(me)['id']}/cancel").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/queues"),
        ("GET", "/api/workers"),
        ("GET", "/api/audit"),
        ("GET", "/metrics"),
        ("POST", "/api/queues/default/empty"),
        ("POST", "/api/queues/default/requeue-failed"),
        ("POST", "/api/workers/suspend"),
        ("POST", "/api/workers/resume"),
        ("POST", "/api/workers/nobody/shutdown"),
        ("POST", "/api/tokens"),
    ],
)
def test_what_concerns_all_is_for_operators_and_may_be_seen_by_viewers(
    method: str, path: str, me: FlaskClient, operator: FlaskClient, viewer: FlaskClient
) -> None:
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic b3A6b3A="}):
        stranger = me.open(path, method=method, headers=given)
        error(stranger, 401, "unauthorized")
        assert stranger.headers["WWW-Authenticate"] == "Bearer"
    submit(me)
    error(me.open(path, method=method), 403, "forbidden")
    error(me.open(path, method=method, headers={"Authorization": "Bearer wrong"}), 401, "unauthorized")
    if method == "GET":
        assert viewer.open(path).status_code == 200
    else:
        error(viewer.open(path, method=method), 403, "forbidden")
    expected = {"/api/workers/nobody/shutdown": 404, "/api/tokens": 400}.get(path, 200)
    assert operator.open(path, method=method).status_code == expected


def test_a_viewer_sees_all_and_acts_on_its_own(
    me: FlaskClient, viewer: FlaskClient, jobs: Jobs, processes: Processes
) -> None:
    mine, own = submit(me)["id"], submit(viewer)["id"]
    assert len(viewer.get("/api/jobs?q=-owner:nobody").get_json()["jobs"]) == 2
    assert viewer.get(f"/api/jobs/{mine}").get_json()["args"] == {"text": "12"}
    for verb in ("cancel", "again"):
        error(viewer.post(f"/api/jobs/{mine}/{verb}"), 403, "forbidden")
    error(viewer.post("/api/actions", json={"verb": "cancel", "ids": [mine, own]}), 403, "forbidden")
    assert viewer.get("/api/counts?verb=cancel").get_json()["total"] == 1
    action = viewer.post("/api/actions", json={"verb": "cancel", "q": "task:sum_numbers"}).get_json()
    assert action["total"] == 1
    processes.worker("headway-others")
    ended(jobs, action["id"])
    assert [jobs.load(id).state.status for id in (mine, own)] == [Status.QUEUED, Status.CANCELED]


def test_where_all_is_read_only_everything_is_seen_and_nothing_done(
    make_app: Callable[..., Flask], me: FlaskClient, redis: Redis
) -> None:
    id = submit(me)["id"]
    client = make_app(read_only=True).test_client()
    assert client.post("/login", json={"token": TOKEN}).status_code == 200
    before = {key: redis.dump(key) for key in redis.scan_iter() if b"audit" not in key}
    for path in (
        "/api/jobs",
        f"/api/jobs/{id}",
        "/api/counts",
        "/api/queues",
        "/api/workers",
        "/api/audit",
        "/api/tasks",
    ):
        assert client.get(path).status_code == 200
    body = {"task": "sum_numbers", "args": {"text": "1"}}
    for method, path, data in (
        ("POST", "/api/jobs", body),
        ("POST", "/api/jobs/bulk", {**body, "args": [{"text": "1"}]}),
        ("POST", "/api/actions", {"verb": "delete", "q": ""}),
        *(("POST", f"/api/jobs/{id}/{verb}", {}) for verb in ("cancel", "requeue", "stop", "again", "enqueue")),
        ("DELETE", f"/api/jobs/{id}", {}),
        *(("POST", f"/api/queues/default/{verb}", {}) for verb in ("empty", "requeue-failed")),
        *(("POST", f"/api/workers/{verb}", {}) for verb in ("suspend", "resume", "w/shutdown", "shutdown")),
        ("POST", "/api/cron/enqueue", {"scheduler": "s", "number": 0, "name": "n"}),
        ("PUT", "/api/push", {}),
        ("GET", "/task?n=1", None),
        ("GET", "/add-task?url=http://x/", None),
    ):
        refused = error(client.open(path, method=method, json=data), 403, "forbidden")
        assert refused["message"] == "this installation is read-only", path
    assert client.post("/tasks", data={"type": "1"}).status_code == 403
    assert {key: redis.dump(key) for key in redis.scan_iter() if b"audit" not in key} == before


def test_a_job_is_submitted_again_with_the_same_arguments_or_with_others(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient, jobs: Jobs
) -> None:
    state = submit(me, text="34")
    path = f"/api/jobs/{state['id']}/again"
    again = me.post(path)
    assert again.status_code == 202 and again.headers["Location"] == f"/api/jobs/{again.get_json()['id']}"
    assert again.get_json()["id"] != state["id"]
    assert me.get(again.headers["Location"]).get_json()["args"] == {"text": "34"}
    changed = operator.post(path, json={"args": {"text": "56"}}).get_json()
    assert operator.get(f"/api/jobs/{changed['id']}").get_json()["args"] == {"text": "56"}
    assert jobs.load(changed["id"]).owner != jobs.load(state["id"]).owner, "it is of who asked for it"
    assert set(error(me.post(path, json={"args": {"text": 5}}), 400, "bad_request")["fields"]) == {"text"}
    error(you.post(path), 403, "forbidden")


def test_a_scheduled_job_is_run_now(me: FlaskClient, you: FlaskClient, jobs: Jobs) -> None:
    submit(me)
    id = me.post("/api/actions", json={"verb": "delete", "q": ""}).get_json()["id"]
    error(you.post(f"/api/jobs/{id}/enqueue"), 403, "forbidden")
    assert me.post(f"/api/jobs/{id}/enqueue").get_json()["status"] == "queued"
    error(me.post(f"/api/jobs/{id}/enqueue"), 409, "conflict")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("path", ["/api/jobs", "/tasks", "/login", "/api/jobs/x/cancel", "/api/jobs/x"])
def test_a_foreign_page_may_not_post(method: str, path: str, me: FlaskClient, redis: Redis) -> None:
    answer = me.open(path, method=method, headers={"Origin": "https://evil.example"}, data={"type": "1"})
    if answer.status_code != 405:
        error(answer, 403, "forbidden")
    assert redis.llen("rq:queue:headway.default") == 0


def test_our_own_page_may_post(me: FlaskClient) -> None:
    answer = me.post(
        "/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}, headers={"Origin": "http://localhost"}
    )
    assert answer.status_code == 202


def test_tasks_are_described(me: FlaskClient) -> None:
    tasks = {task["name"]: task for task in me.get("/api/tasks").get_json()["tasks"]}
    assert set(tasks) == {"background_work", "create_task", "text_length", "count_words", "sum_numbers", "parse_book"}
    schema = tasks["create_task"]["arguments"]["properties"]["task_type"]
    assert (schema["type"], schema["minimum"], schema["maximum"]) == ("integer", 0, 3)


def test_what_was_left_out_of_the_tasks_is_for_operators(make_app: Callable[..., Flask]) -> None:
    app = make_app(queues=(QueueSetting("default", 1, False),))
    assert "broken" not in app.test_client().get("/api/tasks").get_json()
    seen = app.test_client().get("/api/tasks", headers={"Authorization": f"Bearer {TOKEN}"}).get_json()
    assert "parse_book" not in {task["name"] for task in seen["tasks"]}
    [broken] = seen["broken"]
    assert broken["file"] == "workers/jobs/books.py" and broken["line"] > 1 and broken["name"] == "parse_book"
    assert broken["reason"].startswith("queue: expected one of default")


def test_arguments_without_a_name_are_shown_by_it_and_run_again(operator: FlaskClient, redis: Redis) -> None:
    job = TrackedQueue("headway.default", connection=redis).enqueue("text_length", "some words")
    assert operator.get(f"/api/jobs/{job.id}").get_json()["args"] == {"text": "some words"}
    again = operator.post(f"/api/jobs/{job.id}/again")
    assert again.status_code == 202
    assert operator.get(again.headers["Location"]).get_json()["args"] == {"text": "some words"}


def test_numbers_that_json_lacks_are_refused_with_their_field(operator: FlaskClient, redis: Redis) -> None:
    one, many = '{"text": 1e999}', '[{"text": "a"}, {"text": 1e999}]'
    for path, args, field in (("/api/jobs", one, "text"), ("/api/jobs/bulk", many, "args.1.text")):
        answer = operator.post(path, data=f'{{"task": "text_length", "args": {args}}}')
        assert set(error(answer, 400, "bad_request")["fields"]) == {field}
    stock = TrackedQueue("headway.default", connection=redis, serializer=JSONSerializer)
    job = stock.enqueue("text_length", float("inf"))  # as the release before kept it
    answer = operator.get(f"/api/jobs/{job.id}")
    assert answer.status_code == 200 and answer.get_json()["args"] is None
    assert "arguments" in answer.get_json()["unreadable"] and b"Infinity" not in answer.data


def test_without_redis_the_answer_is_503_and_says_when_to_come_back(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    client = make_app(redis=store.connect(f"unix://{tmp_path}/none.sock")).test_client()
    for answer in (
        client.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}),
        client.get("/api/jobs/x"),
        client.get("/tasks/x"),
        client.get("/readyz"),
    ):
        error(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/healthz").get_json() == {"ok": True}


def test_a_deaf_relay_is_not_ready(make_app: Callable[..., Flask]) -> None:
    error(make_app(live=False).test_client().get("/readyz"), 503, "unavailable")
    assert make_app(live=True).test_client().get("/readyz").status_code == 200


NESTED = b"[" * 200_000


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("/login", b'{"token": "\\ud800"}', 401),
        ("/login", NESTED, 400),
        ("/parseGoodreadsLinks", NESTED, 400),
        ("/api/jobs", b'{"task": "sum_numbers", "args": {"text": ' + b"[" * 900 + b"]" * 900 + b"}}", 400),
        ("/api/jobs", b'{"task": "sum_numbers", "args": {"text": "\\ud800\\u0000"}}', 202),
        ("/api/jobs", b'{"task": "\\ud800"}', 400),
        ("/api/jobs", b'{"task": "create_task", "args": {"task_type": 1e400}}', 400),
        ("/api/jobs/%ED%A0%80/cancel", b"", 404),
        ("/api/jobs/x:attempts/cancel", b"", 404),
    ],
)
def test_hostile_input_is_answered_and_not_a_fault(path: str, data: bytes, status: int, me: FlaskClient) -> None:
    assert me.post(path, data=data).status_code == status


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//", "\\x00", "http://ü"])
def test_an_origin_that_is_none_is_foreign(origin: str, me: FlaskClient) -> None:
    error(me.post("/login", json={}, headers={"Origin": origin}), 403, "forbidden")


def test_with_little_memory_left_nothing_new_is_taken(me: FlaskClient, redis: Redis) -> None:
    used = int(redis.info("memory")["used_memory"])
    body = {"json": {"task": "sum_numbers", "args": {"text": "1"}}}
    try:
        redis.config_set("maxmemory", int(used * 1.05))
        answer = me.post("/api/jobs", **body)
        error(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        redis.config_set("maxmemory", used * 3)
        assert me.post("/api/jobs", **body).status_code == 202
    finally:
        redis.config_set("maxmemory", 0)


def test_a_server_that_is_full_takes_nothing_new_and_tells_every_end(
    make_app: Callable[..., Flask], processes: Processes, tmp_path: Path
) -> None:
    settings = Settings.from_environment({"HEADWAY_HOME": str(tmp_path), "HEADWAY_MAXMEMORY": "64mb"}, tmp_path)
    command = embedded.command(settings)
    options: dict[str, Any] = {
        name: command[command.index(f"--{name}") + 1] for name in ("maxmemory", "maxmemory-policy")
    }
    server, url = start_redis(tmp_path, **options)
    try:
        app = make_app(redis=store.connect(url))
        client = app.test_client()
        client.post("/login", json={"token": TOKEN})
        first = submit(client)["id"]
        for _ in range(200):
            body = {"task": "text_length", "args": {"text": secrets.token_hex(450_000)}}
            if (answer := client.post("/api/jobs", json=body)).status_code != 202:
                break
        said = error(answer, 503, "unavailable")["message"]
        assert "memory" in said and int(answer.headers["Retry-After"]) > 0
        processes.worker(REDIS_URL=url)
        state = ended(app.extensions["headway"].jobs, first).state
        assert (state.status, state.result) == (Status.FINISHED, 3)
        assert client.delete(f"/api/jobs/{first}").status_code == 200, "so that room can be made"
    finally:
        processes.stop()
        server.kill()
        server.wait()


def test_a_log_is_read_whole_or_as_a_file(me: FlaskClient, redis: Redis) -> None:
    id = submit(me)["id"]
    place = f"/api/jobs/{id}/log"
    assert me.get(place).get_json() == {"lines": [], "first": 0, "last": 0}
    lines = [f'"at":{1795257062123 + n},"level":"warning","text":"line {n}\\nmore"}}'.encode() for n in (1, 2)]
    assert log_lines.write(redis, id, 1, list(enumerate(lines, 3)))
    log = me.get(place).get_json()
    assert (log["first"], log["last"]) == (3, 4)
    assert log["lines"][0] == {"n": 3, "attempt": 1, "at": 1795257062124, "level": "warning", "text": "line 1\nmore"}
    file = me.get(f"{place}?format=text")
    assert file.content_type == "text/plain; charset=utf-8"
    assert file.headers["Content-Disposition"] == f"attachment; filename=sum_numbers-{id[:8]}.log"
    assert file.text.splitlines()[:2] == ["2026-11-21T10:31:02.124Z warning line 1", "    more"]


def test_a_log_is_its_owners_and_the_operators(me: FlaskClient, you: FlaskClient, operator: FlaskClient) -> None:
    place = f"/api/jobs/{submit(me)['id']}/log"
    assert me.get(place).status_code == operator.get(place).status_code == 200
    for format in ("json", "text"):
        error(you.get(f"{place}?format={format}"), 403, "forbidden")
    error(operator.get("/api/jobs/nobody/log"), 404, "not_found")
    assert set(error(me.get(f"{place}?format=pdf"), 400, "bad_request")["fields"]) == {"format"}


def test_relatives_are_shown_to_who_may_see_them(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient, redis: Redis, jobs: Jobs
) -> None:
    first = submit(me)["id"]
    queue = TrackedQueue("headway.default", connection=redis)
    mine = queue.enqueue("sum_numbers", text="1", depends_on=first, meta={"owner": jobs.load(first).owner}).id
    others = queue.enqueue("sum_numbers", text="1", depends_on=first, meta={"owner": "somebody"}).id
    for who, ids in ((me, [mine]), (operator, sorted([mine, others]))):
        expected = [{"id": id, "task": "sum_numbers", "status": "deferred"} for id in ids]
        answer = who.get(f"/api/jobs/{first}/relatives").get_json()
        assert answer == {"dependencies": [], "dependents": expected, "more": False}
    assert you.get(f"/api/jobs/{first}/relatives").status_code == 403
    assert me.get("/api/jobs/nobody/relatives").status_code == 404


ODD_TASKS = """
import math
from typing import Any
from workers.tasks import task
@task
def endless(x: float = math.inf, y: int = 10**5000): return x
@task
def anything(x: Any = math.nan): return x
"""


def test_defaults_that_json_lacks_and_depth_take_no_task_from_the_page(
    make_app: Callable[..., Flask], redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_tasks_of_api.py").write_text(ODD_TASKS)
    monkeypatch.setitem(sys.modules, "workers.jobs.odd_tasks_of_api", ModuleType("unused"))
    monkeypatch.delitem(sys.modules, "workers.jobs.odd_tasks_of_api")  # as it was: the test leaves nothing behind
    monkeypatch.setattr("workers.jobs.__path__", [str(tmp_path)])
    me = make_app().test_client()
    tasks = {task["name"]: task["arguments"] for task in decode(me.get("/api/tasks").data)["tasks"]}
    assert set(tasks) == {"endless", "anything"} and "required" not in tasks["endless"]
    assert not any("default" in one for schema in tasks.values() for one in schema["properties"].values())
    deep = {"task": "anything", "args": {"x": eval("[" * 90 + "]" * 90)}}
    id = me.post("/api/jobs", json=deep).get_json()["id"]
    assert me.get(f"/api/jobs/{id}").get_json()["args"] == deep["args"]
    body = f'{{"task": "anything", "args": {{"x": {"[" * 101 + "]" * 101}}}}}'
    assert set(error(me.post("/api/jobs", data=body), 400, "bad_request")["fields"]) == {"x"}
