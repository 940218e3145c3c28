"""Whatever is done over HTTP is on record."""

from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from tests.realtime.conftest import TOKEN
from tests.realtime.test_api import error, submit
from workers import audit
from workers.audit import SIZE_LIMIT
from workers.wire import Status


def entries(operator: FlaskClient) -> list[dict[str, Any]]:
    """Oldest first, without their time; what strangers were refused comes last."""
    found = operator.get("/api/audit?limit=200").get_json()["entries"]
    for entry in found:
        entry["which"].pop("since", None)
    found.sort(key=lambda entry: entry["who"] == "strangers", reverse=True)
    return [{name: value for name, value in entry.items() if name != "at"} for entry in reversed(found)]


def owner_of(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        return str(session["owner"])


def test_every_act_is_recorded_with_who_what_which_and_result(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient, viewer: FlaskClient
) -> None:
    id = submit(me)["id"]
    submit(you)
    path = f"/api/jobs/{id}"
    you.post(f"{path}/cancel")
    viewer.post(f"{path}/cancel")
    me.post(f"{path}/stop")
    me.post(f"{path}/cancel")
    operator.post(f"{path}/requeue")
    again = me.post(f"{path}/again").get_json()["id"]
    me.delete(path)
    me.post(f"{path}/enqueue")
    mine = owner_of(me)[:8]
    assert entries(operator) == [
        {"who": "viewer", "what": "login", "which": {}, "result": "ok"},
        {"who": "viewer", "what": "cancel", "which": {"id": id}, "result": "forbidden"},
        {"who": mine, "what": "cancel", "which": {"id": id}, "result": "ok"},
        {"who": "operator", "what": "requeue", "which": {"id": id}, "result": "ok"},
        {"who": mine, "what": "again", "which": {"id": id, "again": again}, "result": "ok"},
        {"who": mine, "what": "delete", "which": {"id": id}, "result": "ok"},
        {
            "who": "strangers",
            "what": "refused",
            "which": {"cancel forbidden": 1, "enqueue not_found": 1, "stop conflict": 1, "count": 3},
            "result": "refused",
        },
    ]


def test_actions_say_what_was_asked_for_and_how_many_they_are(me: FlaskClient, operator: FlaskClient) -> None:
    ids = [submit(me)["id"] for _ in range(3)]
    first = operator.post("/api/actions", json={"verb": "cancel", "ids": ids * 10}).get_json()["id"]
    second = operator.post("/api/actions", json={"verb": "delete", "q": "state:queued"}).get_json()
    operator.post(f"/api/actions/{second['id']}/undo")
    operator.post("/api/actions", json={"verb": "delete", "q": "state:queued", "expect": 1000})
    operator.post("/api/actions", json={"verb": "eat"})
    found = entries(operator)
    assert found[0]["which"] == {"ids": (ids * 10)[:20], "count": 3, "action": first}
    assert found[1]["which"] == {"q": "state:queued", "count": second["total"], "action": second["id"]}
    assert [(entry["what"], entry["result"]) for entry in found] == [
        ("cancel", "ok"),
        ("delete", "ok"),
        ("undo", "ok"),
        ("delete", "conflict"),
        ("action", "bad_request"),
    ]


@pytest.mark.parametrize("cursor", ["0-0", "0-0o", "000-00", "0-1", "9999999999999999-9999999999999999o"])
def test_a_cursor_at_the_very_end_is_a_page_too(cursor: str, me: FlaskClient, operator: FlaskClient) -> None:
    me.post("/api/workers/suspend")
    operator.post("/api/workers/resume")
    page = operator.get(f"/api/audit?cursor={cursor}")
    assert page.status_code == 200 and len(page.get_json()["entries"]) == (1 if cursor.startswith("9") else 0)


def test_queues_workers_tokens_and_logins_are_recorded(me: FlaskClient, operator: FlaskClient) -> None:
    operator.post("/api/queues/default/empty")
    operator.post("/api/queues/none/requeue-failed")
    operator.post("/api/workers/suspend")
    operator.post("/api/workers/resume")
    operator.post("/api/workers/w/shutdown")
    operator.post("/api/tokens", json={"topics": ["jobs"]})
    me.post("/api/workers/suspend")
    me.post("/login", json={"token": "a secret guess"})
    me.post("/logout")
    found = entries(operator)
    assert [(entry["what"], entry["result"]) for entry in found] == [
        ("empty", "ok"),
        ("requeue-failed", "not_found"),
        ("suspend", "ok"),
        ("resume", "ok"),
        ("shutdown", "not_found"),
        ("token", "ok"),
        ("logout", "ok"),
        ("refused", "refused"),
    ]
    assert found[0]["which"] == {"name": "default"} and found[5]["which"] == {"topics": ["jobs"], "act": False}
    assert found[-1]["which"] == {"login unauthorized": 1, "suspend unauthorized": 1, "count": 2}
    assert "secret guess" not in str(found)


def test_every_route_that_changes_what_is_there_is_recorded(app: Flask) -> None:
    """But submits, which show themselves, and where a browser wants its own news to be sent."""
    open_ = {"api.submit_job", "api.submit_jobs", "tutorials.create", "tutorials.add_url", "tutorials.parse_links"}
    open_ |= {"push.subscribe", "push.unsubscribe"}
    for rule in app.url_map.iter_rules():
        if (rule.methods or set()) & {"POST", "DELETE"} and rule.endpoint not in open_:
            assert "recorded" in app.view_functions[rule.endpoint].__code__.co_name, rule.endpoint


def test_the_log_is_read_page_by_page(operator: FlaskClient) -> None:
    for number in range(5):
        operator.post(f"/api/jobs/{number}/cancel")
    first = operator.get("/api/audit?limit=3").get_json()
    second = operator.get(f"/api/audit?limit=3&cursor={first['cursor']}").get_json()
    assert [entry["which"]["id"] for entry in first["entries"] + second["entries"]] == ["4", "3", "2", "1", "0"]
    assert second["cursor"] is None


@pytest.mark.parametrize("query", ["cursor=5", "cursor=x-y", "limit=0", "limit=201", "page=1"])
def test_a_wrong_query_names_its_field(query: str, operator: FlaskClient) -> None:
    assert set(error(operator.get(f"/api/audit?{query}"), 400, "bad_request")["fields"]) == {query.split("=")[0]}


def test_an_act_is_done_where_it_can_not_be_recorded(me: FlaskClient, app: Flask) -> None:
    id = submit(me)["id"]
    app.extensions["headway"].redis.set("headway:audit", "no stream")
    assert me.post(f"/api/jobs/{id}/cancel").get_json()["status"] == Status.CANCELED


def test_no_request_makes_a_large_entry_and_strangers_refusals_make_none(
    me: FlaskClient, operator: FlaskClient, redis: Redis
) -> None:
    me.get("/")
    me.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}})
    for client in (me, operator):
        for body in ({"q": "x" * 1_000_000}, {"q": "ü" * 1_000}, {"ids": ["\U0001f600" * 300] * 1000}):
            client.post("/api/actions", json={"verb": "cancel", **body})
            client.post("/api/jobs/" + "y" * 5_000 + "/cancel")
    streams = [cast(Any, redis.xrange(key)) for key in (audit.KEY, audit.OTHERS_KEY)]
    stored = [fields[b"entry"] for stream in streams for _, fields in stream]
    assert len(stored) == 6 and max(map(len, stored)) <= SIZE_LIMIT
    assert entries(operator)[-1]["which"]["count"] == 6


def test_what_strangers_do_pushes_out_nothing_of_an_operator(
    me: FlaskClient, operator: FlaskClient, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LIMIT", 3)
    operator.post("/api/workers/resume")
    for _ in range(300):
        me.post("/logout")
    kept = redis.xlen("headway:audit:others")
    assert kept < 300 and redis.xlen("headway:audit") == 1
    assert entries(operator)[0]["what"] == "resume" and len(entries(operator)) == 1 + kept


def test_wrong_logins_slow_their_own_address_down_ever_more(app: Flask, redis: Redis) -> None:
    def log_in(token: str, address: str = "203.0.113.5") -> TestResponse:
        return app.test_client().post("/login", json={"token": token}, environ_base={"REMOTE_ADDR": address})

    assert [log_in("wrong").status_code for _ in range(5)] == [401] * 5
    slowed = log_in(TOKEN)
    error(slowed, 429, "too_many")
    assert slowed.headers["Retry-After"] == "1"
    assert log_in(TOKEN, "203.0.113.6").status_code == 200, "nobody else waits"
    [wait] = redis.keys("headway:logins:*:wait")
    waits = []
    for _ in range(10):
        redis.delete(wait)  # as time does
        assert log_in("wrong").status_code == 401
        waits.append(int(log_in("wrong").headers["Retry-After"]))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    redis.delete(wait)
    assert log_in(TOKEN).status_code == 200 and not redis.keys("headway:logins:*")
